// elementLoss and its gradient: the mean of a loss of every element of a prediction.
#include "cuda/kernels/losses.h"

#include "cuda/kernel.h"
#include "cuda/kernels/common/sum_blocks.h"
#include "shared/loss_checks.h"

namespace saturnn::cuda {
namespace {

LossOperands operandsOf(const LossShape& shape, const void* prediction, const void* target, const void* labels,
                        const void* weights) {
  return {shape, static_cast<const float*>(prediction), static_cast<const float*>(target),
          static_cast<const int32_t*>(labels), static_cast<const float*>(weights)};
}

class ElementLoss : public SnKernel {
 public:
  ElementLoss(SnDevice& device, const LossShape& shape) : SnKernel(device), shape_(shape) {}
  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    launchElementLoss(operandsOf(shape_, inputs[0], inputs[1], inputs[2], inputs[3]), static_cast<float*>(outputs[0]),
                      static_cast<double*>(scratch), device.stream());
  }

 private:
  LossShape shape_;
};

class ElementLossGradient : public SnKernel {
 public:
  ElementLossGradient(SnDevice& device, const LossShape& shape) : SnKernel(device), shape_(shape) {}
  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    launchElementLossGradient(operandsOf(shape_, inputs[0], inputs[1], inputs[3], inputs[4]),
                              static_cast<const float*>(inputs[2]), static_cast<float*>(outputs[0]),
                              static_cast<float*>(scratch), device.stream());
  }

 private:
  LossShape shape_;
};

}  // namespace

KernelPointer createElementLoss(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const LossShape shape = requireLoss(op, op.inputs[2], op.inputs[3]);
  requireVector(op.outputs[0], "loss", SN_F32, 1);
  setImplementation(info, "saturnn:elementLoss", kSumBlocks * int64_t{sizeof(double)});
  return std::make_unique<ElementLoss>(device, shape);
}

KernelPointer createElementLossGradient(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const LossShape shape = requireLoss(op, op.inputs[3], op.inputs[4]);
  requireVector(op.inputs[2], "dloss", SN_F32, 1);
  requireDense(op.outputs[0], "dprediction", SN_F32);
  requireSameShape(op.outputs[0], "dprediction", op.inputs[0]);
  setImplementation(info, "saturnn:elementLossGradient", int64_t{sizeof(float)});
  return std::make_unique<ElementLossGradient>(device, shape);
}

}  // namespace saturnn::cuda
