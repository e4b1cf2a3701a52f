// One op on one backend, straight through the backends' ABI.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "shared/backend.h"

namespace variants {

// An image is stored as the run says, perhaps as a slice of a wider one; the others are f32 or i32 vectors.
enum class Kind { image, vector, integers, absent };

// What an op reads, or the shape of what it writes. Without values: absent.
struct Operand {
  Kind kind;
  std::vector<int64_t> shape;
  std::vector<float> values;
};

struct Op {
  std::string name;
  std::vector<char> attributes;
  std::vector<Operand> inputs, outputs;
  std::vector<size_t> written;  // positions of the inputs that the op changes
};

// How images are stored: their dtype, the channels before and after them in their buffers, and whether output 0 takes
// the place of input 0. And how many elements beyond a multiple of 64 bytes vectors begin.
struct Storage {
  SnDType dtype;
  int64_t before, after;
  bool inPlace;
  int64_t vectorShift;
};

// The nearest that an image can hold.
float rounded(float value, SnDType dtype);

class Backend {
 public:
  // Throws std::runtime_error, as run() does.
  explicit Backend(const std::string& path);
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  ~Backend();

  // The values of all outputs, none where one is absent, and then of the inputs that are written. Also checks that
  // nothing beside a slice or before a vector was written, and that a second launch gives the same bits.
  std::vector<std::vector<float>> run(const Op& op, const Storage& storage);

 private:
  void check(int status, const std::string& what) const;

  const SnBackend* table_;
  SnDevice* device_ = nullptr;
  SnError error_{};
};

}  // namespace variants
