// The other writes to the State: assign overwrites a tensor of it, advance increments the step counter. Nothing is
// written if the gate is not 0.
#include "cpu/data/copy.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"

namespace saturnn::cpu {

namespace {

bool isClosed(const void* gate) { return gate && *static_cast<const int32_t*>(gate) != 0; }

class Assign final : public Kernel {
 public:
  explicit Assign(const SnOpDesc& desc) : tensor_(desc.inputs[1]) {
    const SnTensor& value = desc.inputs[2];
    if (isPresent(desc.inputs[0])) requireVector(desc.inputs[0], "gate", SN_I32, 1);
    requireDense(tensor_, "target");
    requireDense(value, "value", tensor_.dtype);
    requireSameShape(value, "value", tensor_);
    setImplementation("saturnn:copy");
  }

  void launch(void* const* inputs, void* const*, void*) override {
    if (isClosed(inputs[0]) || inputs[1] == inputs[2]) return;
    copyTensor(tensor_, inputs[2], tensor_, inputs[1]);
  }

 private:
  const SnTensor tensor_;
};

class Advance final : public Kernel {
 public:
  explicit Advance(const SnOpDesc& desc) {
    if (isPresent(desc.inputs[0])) requireVector(desc.inputs[0], "gate", SN_I32, 1);
    requireVector(desc.inputs[1], "counter", SN_I32, 2);
    setImplementation("saturnn:scalar");
  }

  void launch(void* const* inputs, void* const*, void*) override {
    if (isClosed(inputs[0])) return;
    // Unsigned, so that it wraps around, which a counter of random numbers may do.
    ++static_cast<uint32_t*>(inputs[1])[1];
  }
};

}  // namespace

std::unique_ptr<Kernel> createAssign(const SnOpDesc& desc, Device&) { return std::make_unique<Assign>(desc); }

std::unique_ptr<Kernel> createAdvance(const SnOpDesc& desc, Device&) { return std::make_unique<Advance>(desc); }

}  // namespace saturnn::cpu
