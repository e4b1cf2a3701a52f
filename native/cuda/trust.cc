// How far a step may go: trustRatios, the learning rates of LARS by segment, and clipFactor, from the gradient's norm.
#include "ops.h"

namespace saturnn {
namespace {

class TrustRatios : public SnKernel {
 public:
  TrustRatios(SnDevice& device, const SnTrustAttributes& attributes, int64_t count, int32_t segments)
      : SnKernel(device), attributes_(attributes), count_(count), segments_(segments) {}

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    TrustProblem problem{};
    problem.parameters = static_cast<const float*>(inputs[0]);
    problem.gradient = static_cast<const float*>(inputs[1]);
    problem.scale = static_cast<const float*>(inputs[2]);
    problem.ends = static_cast<const int32_t*>(inputs[3]);
    problem.rates = static_cast<const float*>(inputs[4]);
    problem.decays = static_cast<const float*>(inputs[5]);
    problem.ratios = static_cast<float*>(outputs[0]);
    problem.count = count_;
    problem.segments = segments_;
    problem.trust = attributes_.trust;
    problem.trusted = attributes_.trusted;
    launchTrustRatios(problem, scratch, device.stream());
  }

 private:
  SnTrustAttributes attributes_;
  int64_t count_;
  int32_t segments_;
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

}  // namespace

KernelPointer createTrustRatios(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const int64_t count = elementCount(op.inputs[0]), segments = elementCount(op.inputs[3]);
  requireVector(op, "parameters", op.inputs[0], count);
  requireVector(op, "gradient", op.inputs[1], count);
  if (isPresent(op.inputs[2])) requireVector(op, "scale", op.inputs[2], 1);
  requireI32(op, "ends", op.inputs[3], segments);
  requireVector(op, "rates", op.inputs[4], segments);
  requireVector(op, "decays", op.inputs[5], segments);
  requireVector(op, "ratios", op.outputs[0], segments);
  setImplementation(info, "saturnn:trustRatios", trustRatiosScratch(static_cast<int>(segments)));
  return std::make_unique<TrustRatios>(device, attributesOf<SnTrustAttributes>(op), count,
                                       static_cast<int32_t>(segments));
}

KernelPointer createClipFactor(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireVector(op, "norm", op.inputs[0], 1);
  requireVector(op, "factor", op.outputs[0], 1);
  setImplementation(info, "saturnn:clipFactor");
  return std::make_unique<ClipFactor>(device, attributesOf<SnClipAttributes>(op).limit);
}

}  // namespace saturnn
