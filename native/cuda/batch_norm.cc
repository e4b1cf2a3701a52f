// batchNorm (training), batchNormInference (given statistics), and the gradient of both.
#include "ops.h"

namespace saturnn {
namespace {

class BatchNorm : public SnKernel {
 public:
  BatchNorm(SnDevice& device, const SnOpDesc& op)
      : SnKernel(device),
        epsilon_(attributesOf<SnBatchNormAttributes>(op).epsilon),
        x_(op.inputs[0]),
        y_(op.outputs[0]) {}

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    BatchNormProblem problem{};
    problem.x = constRows(x_, inputs[0]);
    problem.y = rows(y_, outputs[0]);
    problem.scale = static_cast<const float*>(inputs[1]);
    problem.shift = static_cast<const float*>(inputs[2]);
    problem.mean = static_cast<float*>(outputs[1]);
    problem.variance = static_cast<float*>(outputs[2]);
    problem.epsilon = epsilon_;
    problem.rows = rowCount(x_);
    problem.channels = channelCount(x_);
    launchBatchNorm(problem, scratch, device.stream());
  }

 private:
  float epsilon_;
  SnTensor x_, y_;
};

class BatchNormInference : public SnKernel {
 public:
  BatchNormInference(SnDevice& device, const SnOpDesc& op)
      : SnKernel(device),
        epsilon_(attributesOf<SnBatchNormAttributes>(op).epsilon),
        x_(op.inputs[0]),
        y_(op.outputs[0]) {}

  void launch(void* const* inputs, void* const* outputs, void*) override {
    GivenStatistics given{};
    given.mean = static_cast<const float*>(inputs[1]);
    given.variance = static_cast<const float*>(inputs[2]);
    given.scale = static_cast<const float*>(inputs[3]);
    given.shift = static_cast<const float*>(inputs[4]);
    given.epsilon = epsilon_;
    launchBatchNormInference(constRows(x_, inputs[0]), given, rows(y_, outputs[0]), rowCount(x_), channelCount(x_),
                             device.stream());
  }

 private:
  float epsilon_;
  SnTensor x_, y_;
};

class BatchNormGradient : public SnKernel {
 public:
  BatchNormGradient(SnDevice& device, const SnOpDesc& op)
      : SnKernel(device),
        attributes_(attributesOf<SnBatchNormGradientAttributes>(op)),
        dy_(op.inputs[0]),
        x_(op.inputs[1]),
        dx_(op.outputs[0]) {}

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    BatchNormGradientProblem problem{};
    problem.dy = constRows(dy_, inputs[0]);
    problem.x = constRows(x_, inputs[1]);
    problem.mean = static_cast<const float*>(inputs[2]);
    problem.variance = static_cast<const float*>(inputs[3]);
    problem.scale = static_cast<const float*>(inputs[4]);
    problem.dx = rows(dx_, outputs[0]);
    problem.dscale = static_cast<float*>(outputs[1]);
    problem.dshift = static_cast<float*>(outputs[2]);
    problem.epsilon = attributes_.epsilon;
    problem.frozen = attributes_.frozen != 0;
    problem.rows = rowCount(x_);
    problem.channels = channelCount(x_);
    launchBatchNormGradient(problem, scratch, device.stream());
  }

 private:
  SnBatchNormGradientAttributes attributes_;
  SnTensor dy_, x_, dx_;
};

// Checks vectors [channels] from `tensors` on; those of outputs may be absent.
void requireVectors(const SnOpDesc& op, const SnTensor* tensors, std::initializer_list<const char*> names,
                    int64_t channels, bool optional = false) {
  for (const char* name : names) {
    const SnTensor& tensor = *tensors++;
    if (!optional || isPresent(tensor)) requireVector(op, name, tensor, channels);
  }
}

}  // namespace

KernelPointer createBatchNorm(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const int64_t channels = channelCount(op.inputs[0]);
  requireFloats(op, "x", op.inputs[0]);
  requireVectors(op, op.inputs + 1, {"scale", "shift"}, channels);
  requireLike(op, "y", op.outputs[0], op.inputs[0]);
  requireVectors(op, op.outputs + 1, {"mean", "variance"}, channels, true);
  setImplementation(info, "saturnn:batchNorm", batchNormScratch(channels));
  return std::make_unique<BatchNorm>(device, op);
}

KernelPointer createBatchNormInference(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireFloats(op, "x", op.inputs[0]);
  requireVectors(op, op.inputs + 1, {"mean", "variance", "scale", "shift"}, channelCount(op.inputs[0]));
  requireLike(op, "y", op.outputs[0], op.inputs[0]);
  setImplementation(info, "saturnn:normalize");
  return std::make_unique<BatchNormInference>(device, op);
}

KernelPointer createBatchNormGradient(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const SnTensor& x = op.inputs[1];
  const int64_t channels = channelCount(x);
  requireFloats(op, "x", x);
  requireLike(op, "dy", op.inputs[0], x);
  requireVectors(op, op.inputs + 2, {"mean", "variance", "scale"}, channels);
  requireLike(op, "dx", op.outputs[0], x);
  requireVectors(op, op.outputs + 1, {"dscale", "dshift"}, channels, true);
  const bool frozen = attributesOf<SnBatchNormGradientAttributes>(op).frozen != 0;
  const bool sums = !frozen || isPresent(op.outputs[1]) || isPresent(op.outputs[2]);
  setImplementation(info, "saturnn:batchNormGradient", sums ? batchNormGradientScratch(channels) : 0);
  return std::make_unique<BatchNormGradient>(device, op);
}

}  // namespace saturnn
