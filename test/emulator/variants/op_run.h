// Runs one op on one backend, directly through the ABI of backends.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "shared/backend.h"

namespace variants {

// Kinds of operands. How an image is stored depends on the run (see Storage); the others are f32 or i32 vectors.
enum class Kind { image, vector, integers, absent };

// An input with its values, or the shape of an output. An operand without values is absent.
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

// How operands are stored: the dtype of images, the channels before and after them in their buffers, whether output 0
// replaces input 0, and by how many elements the start of vectors is shifted from a multiple of 64 bytes.
struct Storage {
  SnDType dtype;
  int64_t before, after;
  bool inPlace;
  int64_t vectorShift;
};

// Returns the nearest value that an image of this dtype can hold.
float rounded(float value, SnDType dtype);

class Backend {
 public:
  // Throws std::runtime_error, as run() does.
  explicit Backend(const std::string& path);
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  ~Backend();

  // Returns the values of all outputs (none for an absent one) and then of the inputs that are written. Also checks that
  // nothing beside a slice or before a vector was written, and that a second launch gives the same bits.
  std::vector<std::vector<float>> run(const Op& op, const Storage& storage);

 private:
  void check(int status, const std::string& what) const;

  const SnBackend* table_;
  SnDevice* device_ = nullptr;
  SnError error_{};
};

}  // namespace variants
