// A plan as JavaScript describes it (PlanDescription of lib/runtime/native.ts), as plain C++ data that is not checked
// yet.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "shared/operands.h"

namespace saturnn {

constexpr int kAbsent = -1;
constexpr int kArenaCount = 4;
constexpr int kGradientArena = 2;
// Names of the State's arenas, in the order of their indices.
constexpr std::array<const char*, kArenaCount> kArenaNames = {"parameters", "optimizer", "gradients", "buffers"};
using ArenaBytes = std::array<int64_t, kArenaCount>;

struct TensorDescription {
  SnDType dtype = SN_F32;
  std::vector<int64_t> shape;
  bool image = false;
  int arena = kAbsent;  // index into kArenaNames
  int64_t byteOffset = 0;
  bool constant = false;
  std::vector<uint8_t> data;
  int base = kAbsent;
  int64_t offset = 0;

  int64_t channels() const { return shape.back(); }
};

struct NodeDescription {
  std::string op;
  std::string name;
  std::vector<uint8_t> attributes;
  std::vector<int> inputs;   // tensors, or kAbsent
  std::vector<int> outputs;  // tensors, or kAbsent
  std::vector<int> inPlace;  // per output: a position in `inputs`, or kAbsent
  std::vector<int> writes;   // positions in `inputs` of the State that it writes; such a node has no outputs

  bool writesState() const { return !writes.empty(); }
};

struct PortDescription {
  std::string name;
  int tensor = kAbsent;
};

struct PlanDescription {
  std::vector<TensorDescription> tensors;
  std::vector<NodeDescription> nodes;
  std::vector<PortDescription> inputs;
  std::vector<PortDescription> outputs;
  int gate = kAbsent;
  int skip = kAbsent;
  bool poison = false;
  bool replay = false;
  SnPlanOptions options{};
};

// Only for shapes that validatePlan() has accepted: it limits the product.
inline int64_t elementCount(const TensorDescription& tensor) {
  return productOf(tensor.shape.data(), tensor.shape.size());
}

inline int64_t byteCount(const TensorDescription& tensor) { return elementCount(tensor) * elementBytes(tensor.dtype); }

}  // namespace saturnn
