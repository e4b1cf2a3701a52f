// In which order blocks, and the threads of a block, run: a GPU promises none, so a kernel must not depend on it.
#pragma once

#include <cstdint>
#include <vector>

namespace emulator {

// As SATURNN_EMULATOR_ORDER says: "forward" (also if it is not set), "reverse", or a number, the seed of a shuffle.
class Order {
 public:
  Order();

  std::vector<int> ofThreads(int count) const;
  // The place of the i-th block to run.
  uint64_t block(uint64_t i, uint64_t count) const;

 private:
  enum class Kind { forward, reverse, shuffled };
  Kind kind_ = Kind::forward;
  uint64_t seed_ = 0;
};

}  // namespace emulator
