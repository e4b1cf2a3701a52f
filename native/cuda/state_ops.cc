// The end of a training step: finiteCheck, which sets the gate, and of what the gate guards, advance and assign.
#include "../error.h"
#include "ops.h"

namespace saturnn {
namespace {

class FiniteCheck : public SnKernel {
 public:
  FiniteCheck(SnDevice& device, int64_t count) : SnKernel(device), count_(count) {}
  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    launchFiniteCheck(static_cast<const float*>(inputs[0]), static_cast<const float*>(inputs[1]), count_,
                      static_cast<int32_t*>(outputs[0]), static_cast<float*>(outputs[1]), static_cast<double*>(scratch),
                      device.stream());
  }

 private:
  int64_t count_;
};

class Advance : public SnKernel {
 public:
  using SnKernel::SnKernel;
  void launch(void* const* inputs, void* const*, void*) override {
    launchAdvance(static_cast<const int32_t*>(inputs[0]), static_cast<int32_t*>(inputs[1]), device.stream());
  }
};

class Assign : public SnKernel {
 public:
  Assign(SnDevice& device, size_t bytes) : SnKernel(device), bytes_(bytes) {}
  void launch(void* const* inputs, void* const*, void*) override {
    launchGatedCopy(static_cast<const int32_t*>(inputs[0]), inputs[1], inputs[2], bytes_, device.stream());
  }

 private:
  size_t bytes_;
};

}  // namespace

KernelPointer createFiniteCheck(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const int64_t count = elementCount(op.inputs[1]);
  requireVector(op, "loss", op.inputs[0], 1);
  requireVector(op, "gradient", op.inputs[1], count);
  requireI32(op, "flag", op.outputs[0], 1);
  requireVector(op, "norm", op.outputs[1], 1);
  setImplementation(info, "saturnn:finiteCheck", kSumBlocks * int64_t{sizeof(double)});
  return std::make_unique<FiniteCheck>(device, count);
}

KernelPointer createAdvance(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireI32(op, "gate", op.inputs[0], 1);
  requireI32(op, "counter", op.inputs[1], 2);
  setImplementation(info, "saturnn:advance");
  return std::make_unique<Advance>(device);
}

KernelPointer createAssign(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const SnTensor& target = op.inputs[1];
  const SnTensor& value = op.inputs[2];
  if (isPresent(op.inputs[0])) requireI32(op, "gate", op.inputs[0], 1);
  requireSameShape(op, "value", value, target);
  requireSameDType(op, "value", value, target);
  if (!isDense(target)) refuse(op, "target", "a dense tensor", describe(target));
  if (!isDense(value)) refuse(op, "value", "a dense tensor", describe(value));
  setImplementation(info, "saturnn:gatedCopy");
  return std::make_unique<Assign>(device, byteCount(target));
}

}  // namespace saturnn
