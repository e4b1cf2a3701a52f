// Scalars of a whole step, computed from the norm of its gradient: finiteCheck, which sets the gate, clipFactor, and
// unscale and adjustLossScale (see shared/loss_scale.h).
#include "cuda/kernels/scaling.h"

#include "cuda/kernel.h"
#include "cuda/kernels/common/sum_blocks.h"
#include "ops/attributes/scaling.h"

namespace saturnn::cuda {

// Defined in kernels/scaling.cu.
// norm = |gradient|, flag = 0 if the norm and the loss are finite, else 1. `partials` holds kSumBlocks doubles.
void launchFiniteCheck(const float* loss, const float* gradient, int64_t count, int32_t* flag, float* norm,
                       double* partials, cudaStream_t stream);
// factor = min(1, limit / norm)
void launchClipFactor(const float* norm, float limit, float* factor, cudaStream_t stream);
void launchAdjustLossScale(const int32_t* gate, const int32_t* overflow, float* scale, float* steps, float interval,
                           cudaStream_t stream);

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

class ClipFactor : public SnKernel {
 public:
  ClipFactor(SnDevice& device, float limit) : SnKernel(device), limit_(limit) {}

  void launch(void* const* inputs, void* const* outputs, void*) override {
    launchClipFactor(static_cast<const float*>(inputs[0]), limit_, static_cast<float*>(outputs[0]), device.stream());
  }

 private:
  float limit_;
};

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

KernelPointer createFiniteCheck(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const int64_t count = elementCount(op.inputs[1]);
  requireVector(op.inputs[0], "loss", SN_F32, 1);
  requireVector(op.inputs[1], "gradient", SN_F32, count);
  requireVector(op.outputs[0], "flag", SN_I32, 1);
  requireVector(op.outputs[1], "norm", SN_F32, 1);
  setImplementation(info, "saturnn:finiteCheck", kSumBlocks * int64_t{sizeof(double)});
  return std::make_unique<FiniteCheck>(device, count);
}

KernelPointer createClipFactor(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireVector(op.inputs[0], "norm", SN_F32, 1);
  requireVector(op.outputs[0], "factor", SN_F32, 1);
  setImplementation(info, "saturnn:clipFactor");
  return std::make_unique<ClipFactor>(device, attributesOf<ClipAttributes>(op).limit);
}

KernelPointer createUnscale(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireVector(op.inputs[0], "loss", SN_F32, 1);
  requireVector(op.inputs[1], "overflow", SN_I32, 1);
  requireVector(op.inputs[2], "norm", SN_F32, 1);
  requireVector(op.inputs[3], "scale", SN_F32, 1);
  requireVector(op.outputs[0], "halt", SN_I32, 1);
  requireVector(op.outputs[1], "norm", SN_F32, 1);
  requireVector(op.outputs[2], "factor", SN_F32, 1);
  setImplementation(info, "saturnn:unscale");
  return std::make_unique<Unscale>(device, attributesOf<ClipAttributes>(op).limit);
}

KernelPointer createAdjustLossScale(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireVector(op.inputs[0], "gate", SN_I32, 1);
  requireVector(op.inputs[1], "overflow", SN_I32, 1);
  requireVector(op.inputs[2], "scale", SN_F32, 1);
  requireVector(op.inputs[3], "steps", SN_F32, 1);
  setImplementation(info, "saturnn:adjustLossScale");
  return std::make_unique<AdjustLossScale>(device, attributesOf<LossScaleAttributes>(op).growthInterval);
}

}  // namespace saturnn::cuda
