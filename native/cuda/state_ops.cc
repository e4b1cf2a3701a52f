// The end of a training step: finiteCheck, which sets the gate, and what the gate guards: sgd, advance, assign.
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

class Sgd : public SnKernel {
 public:
  Sgd(SnDevice& device, const SnSgdAttributes& attributes, int64_t count)
      : SnKernel(device), attributes_(attributes), count_(count) {}
  void launch(void* const* inputs, void* const*, void*) override {
    SgdStep step{};
    step.gate = static_cast<const int32_t*>(inputs[0]);
    step.parameters = static_cast<float*>(inputs[1]);
    step.momentum = static_cast<float*>(inputs[2]);
    step.gradient = static_cast<const float*>(inputs[3]);
    step.learningRate = static_cast<const float*>(inputs[4]);
    step.count = count_;
    // Without decay there is no term 0 * w: it would turn an infinite weight into NaN.
    step.decayed = attributes_.weight_decay == 0.0f ? 0 : attributes_.decayed;
    step.momentumFactor = attributes_.momentum;
    step.weightDecay = attributes_.weight_decay;
    launchSgd(step, device.stream());
  }

 private:
  SnSgdAttributes attributes_;
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

KernelPointer createSgd(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const auto attributes = attributesOf<SnSgdAttributes>(op);
  const int64_t count = elementCount(op.inputs[1]);
  bool plain = attributes.nesterov == 0;
  for (int32_t i = 5; i < op.input_count; ++i) plain = plain && !isPresent(op.inputs[i]);
  if (!plain) {
    throw Error("ERR_UNSUPPORTED", "[sgd] the CUDA backend has no Nesterov momentum, clipping or groups yet");
  }
  requireI32(op, "gate", op.inputs[0], 1);
  requireVector(op, "parameters", op.inputs[1], count);
  requireVector(op, "momentum", op.inputs[2], count);
  requireVector(op, "gradient", op.inputs[3], count);
  requireVector(op, "learningRate", op.inputs[4], 1);
  if (attributes.decayed < 0 || attributes.decayed > count) {
    refuse(op, "decayed", "0 to " + std::to_string(count) + " parameters", std::to_string(attributes.decayed));
  }
  setImplementation(info, "saturnn:sgd");
  return std::make_unique<Sgd>(device, attributes, count);
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
