// batchNorm (training), batchNormInference (given statistics), and the gradient of both; moments, the mean and variance
// of all elements of a tensor; and blend, which updates running statistics.
#include "cuda/kernels/normalization.h"

#include "cuda/kernel.h"
#include "ops/attributes/normalization.h"

namespace saturnn::cuda {

// Defined in kernels/normalization/.
// moments = {mean, variance} of all elements. The scratch must have momentsScratch() bytes.
int64_t momentsScratch();
void launchMoments(ConstRows x, int64_t rows, int64_t channels, float* moments, void* scratch, cudaStream_t stream);
// y = keep old + take value, where y may be old or value.
void launchBlend(const float* old, float keep, const float* value, float take, float* y, int64_t count,
                 cudaStream_t stream);

namespace {

class BatchNorm : public SnKernel {
 public:
  BatchNorm(SnDevice& device, const SnOpDesc& op)
      : SnKernel(device),
        epsilon_(attributesOf<BatchNormAttributes>(op).epsilon),
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
        epsilon_(attributesOf<BatchNormAttributes>(op).epsilon),
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
        attributes_(attributesOf<BatchNormGradientAttributes>(op)),
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
  BatchNormGradientAttributes attributes_;
  SnTensor dy_, x_, dx_;
};

// Checks the vectors [channels] from `tensors` on. With `optional` they may be absent.
void requireVectors(const SnTensor* tensors, std::initializer_list<const char*> names, int64_t channels,
                    bool optional = false) {
  for (const char* name : names) {
    const SnTensor& tensor = *tensors++;
    if (!optional || isPresent(tensor)) requireVector(tensor, name, SN_F32, channels);
  }
}

class Moments : public SnKernel {
 public:
  Moments(SnDevice& device, const SnOpDesc& op) : SnKernel(device), x_(op.inputs[0]) {}

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    launchMoments(constRows(x_, inputs[0]), rowCount(x_), channelCount(x_), static_cast<float*>(outputs[0]), scratch,
                  device.stream());
  }

 private:
  SnTensor x_;
};

class Blend : public SnKernel {
 public:
  Blend(SnDevice& device, const BlendAttributes& attributes, int64_t count)
      : SnKernel(device), attributes_(attributes), count_(count) {}

  void launch(void* const* inputs, void* const* outputs, void*) override {
    launchBlend(static_cast<const float*>(inputs[0]), attributes_.keep, static_cast<const float*>(inputs[1]),
                attributes_.take, static_cast<float*>(outputs[0]), count_, device.stream());
  }

 private:
  BlendAttributes attributes_;
  int64_t count_;
};

}  // namespace

KernelPointer createBatchNorm(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const int64_t channels = channelCount(op.inputs[0]);
  requireFloats(op.inputs[0], "x");
  requireVectors(op.inputs + 1, {"scale", "shift"}, channels);
  requireLike(op.outputs[0], "y", op.inputs[0]);
  requireVectors(op.outputs + 1, {"mean", "variance"}, channels, true);
  setImplementation(info, "saturnn:batchNorm", batchNormScratch(channels));
  return std::make_unique<BatchNorm>(device, op);
}

KernelPointer createBatchNormInference(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireFloats(op.inputs[0], "x");
  requireVectors(op.inputs + 1, {"mean", "variance", "scale", "shift"}, channelCount(op.inputs[0]));
  requireLike(op.outputs[0], "y", op.inputs[0]);
  setImplementation(info, "saturnn:normalize");
  return std::make_unique<BatchNormInference>(device, op);
}

KernelPointer createBatchNormGradient(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const SnTensor& x = op.inputs[1];
  const int64_t channels = channelCount(x);
  requireFloats(x, "x");
  requireLike(op.inputs[0], "dy", x);
  requireVectors(op.inputs + 2, {"mean", "variance", "scale"}, channels);
  requireLike(op.outputs[0], "dx", x);
  requireVectors(op.outputs + 1, {"dscale", "dshift"}, channels, true);
  const bool frozen = attributesOf<BatchNormGradientAttributes>(op).frozen != 0;
  const bool sums = !frozen || isPresent(op.outputs[1]) || isPresent(op.outputs[2]);
  setImplementation(info, "saturnn:batchNormGradient", sums ? batchNormGradientScratch(channels) : 0);
  return std::make_unique<BatchNormGradient>(device, op);
}

KernelPointer createMoments(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireFloats(op.inputs[0], "x");
  requireVector(op.outputs[0], "moments", SN_F32, 2);
  setImplementation(info, "saturnn:moments", momentsScratch());
  return std::make_unique<Moments>(device, op);
}

KernelPointer createBlend(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const SnTensor& y = op.outputs[0];
  const char* names[] = {"old", "value"};
  requireDense(y, "y", SN_F32);
  for (int i = 0; i < 2; ++i) {
    requireDense(op.inputs[i], names[i], SN_F32);
    requireSameShape(op.inputs[i], names[i], y);
  }
  setImplementation(info, "saturnn:blend");
  return std::make_unique<Blend>(device, attributesOf<BlendAttributes>(op), elementCount(y));
}

}  // namespace saturnn::cuda
