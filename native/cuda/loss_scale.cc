// unscale and adjustLossScale: see ../loss_scale.h.
#include "ops.h"

namespace saturnn {
namespace {

class Unscale : public SnKernel {
 public:
  Unscale(SnDevice& device, float limit) : SnKernel(device), limit_(limit) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    UnscaleStep step{};
    step.loss = static_cast<const float*>(inputs[0]);
    step.overflow = static_cast<const int32_t*>(inputs[1]);
    step.scaledNorm = static_cast<const float*>(inputs[2]);
    step.scale = static_cast<const float*>(inputs[3]);
    step.limit = limit_;
    step.halt = static_cast<int32_t*>(outputs[0]);
    step.norm = static_cast<float*>(outputs[1]);
    step.factor = static_cast<float*>(outputs[2]);
    launchUnscale(step, device.stream());
  }

 private:
  float limit_;
};

class AdjustLossScale : public SnKernel {
 public:
  AdjustLossScale(SnDevice& device, int32_t interval) : SnKernel(device), interval_(static_cast<float>(interval)) {}
  void launch(void* const* inputs, void* const*, void*) override {
    launchAdjustLossScale(static_cast<const int32_t*>(inputs[0]), static_cast<const int32_t*>(inputs[1]),
                          static_cast<float*>(inputs[2]), static_cast<float*>(inputs[3]), interval_, device.stream());
  }

 private:
  float interval_;
};

}  // namespace

KernelPointer createUnscale(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireVector(op, "loss", op.inputs[0], 1);
  requireI32(op, "overflow", op.inputs[1], 1);
  requireVector(op, "norm", op.inputs[2], 1);
  requireVector(op, "scale", op.inputs[3], 1);
  requireI32(op, "halt", op.outputs[0], 1);
  requireVector(op, "norm", op.outputs[1], 1);
  requireVector(op, "factor", op.outputs[2], 1);
  setImplementation(info, "saturnn:unscale");
  return std::make_unique<Unscale>(device, attributesOf<SnClipAttributes>(op).limit);
}

KernelPointer createAdjustLossScale(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireI32(op, "gate", op.inputs[0], 1);
  requireI32(op, "overflow", op.inputs[1], 1);
  requireVector(op, "scale", op.inputs[2], 1);
  requireVector(op, "steps", op.inputs[3], 1);
  setImplementation(info, "saturnn:adjustLossScale");
  return std::make_unique<AdjustLossScale>(device, attributesOf<SnLossScaleAttributes>(op).growth_interval);
}

}  // namespace saturnn
