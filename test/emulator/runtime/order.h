// The order in which blocks, and the threads of a block, run. A GPU promises none, so results must not depend on it.
#pragma once

#include <cstdint>
#include <vector>

namespace emulator {

// The order is given by SATURNN_EMULATOR_ORDER: "forward" (the default), "reverse", or a number, the seed of a shuffle.
class Order {
 public:
  Order();

  std::vector<int> ofThreads(int count) const;
  // Returns the index of the block that runs as number i.
  uint64_t block(uint64_t i, uint64_t count) const;

 private:
  enum class Kind { forward, reverse, shuffled };
  Kind kind_ = Kind::forward;
  uint64_t seed_ = 0;
};

}  // namespace emulator
