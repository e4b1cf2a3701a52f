// randomizedRelu and its gradient: the slopes are random numbers that depend on seed, step and element.
#include "cuda/kernels/randomized_relu.h"

#include "cuda/kernel.h"
#include "cuda/kernels/common/sum_blocks.h"
#include "ops/attributes/randomized_relu.h"

namespace saturnn::cuda {
namespace {

SlopeRange slopeRange(const RandomizedReluAttributes& attributes, const void* counter) {
  return {static_cast<const uint32_t*>(counter), attributes.stream, attributes.lower,
          (attributes.upper - attributes.lower) * 0x1p-24f};
}

RandomizedReluAttributes checkedSlopes(const SnOpDesc& op) {
  const auto attributes = attributesOf<RandomizedReluAttributes>(op);
  if (!(attributes.lower > 0.0f && attributes.lower <= attributes.upper && attributes.upper <= 1.0f)) {
    refuse("the slopes", "0 < lower <= upper <= 1",
           std::to_string(attributes.lower) + " and " + std::to_string(attributes.upper));
  }
  return attributes;
}

class RandomizedRelu : public SnKernel {
 public:
  RandomizedRelu(SnDevice& device, const SnOpDesc& op, const RandomizedReluAttributes& attributes)
      : SnKernel(device), attributes_(attributes), x_(op.inputs[0]), y_(op.outputs[0]) {}

  void launch(void* const* inputs, void* const* outputs, void*) override {
    launchRandomizedRelu(constRows(x_, inputs[0]), static_cast<const float*>(inputs[1]),
                         slopeRange(attributes_, inputs[2]), rows(y_, outputs[0]), rowCount(x_), channelCount(x_),
                         device.stream());
  }

 private:
  RandomizedReluAttributes attributes_;
  SnTensor x_, y_;
};

class RandomizedReluGradient : public SnKernel {
 public:
  RandomizedReluGradient(SnDevice& device, const SnOpDesc& op, const RandomizedReluAttributes& attributes)
      : SnKernel(device), attributes_(attributes), dy_(op.inputs[0]), y_(op.inputs[1]), dx_(op.outputs[0]) {}

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    launchRandomizedReluGradient(constRows(dy_, inputs[0]), constRows(y_, inputs[1]),
                                 slopeRange(attributes_, inputs[2]), rows(dx_, outputs[0]),
                                 static_cast<float*>(outputs[1]), static_cast<float*>(scratch), rowCount(dy_),
                                 channelCount(dy_), device.stream());
  }

 private:
  RandomizedReluAttributes attributes_;
  SnTensor dy_, y_, dx_;
};

}  // namespace

KernelPointer createRandomizedRelu(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const auto attributes = checkedSlopes(op);
  const SnTensor& x = op.inputs[0];
  requireFloats(x, "x");
  if (isPresent(op.inputs[1])) requireVector(op.inputs[1], "bias", SN_F32, channelCount(x));
  requireVector(op.inputs[2], "counter", SN_I32, 2);
  requireLike(op.outputs[0], "y", x);
  setImplementation(info, "saturnn:randomizedRelu");
  return std::make_unique<RandomizedRelu>(device, op, attributes);
}

KernelPointer createRandomizedReluGradient(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const auto attributes = checkedSlopes(op);
  const SnTensor& dy = op.inputs[0];
  requireFloats(dy, "dy");
  requireLike(op.inputs[1], "y", dy);
  requireVector(op.inputs[2], "counter", SN_I32, 2);
  requireLike(op.outputs[0], "dx", dy);
  const bool sums = isPresent(op.outputs[1]);
  if (sums) requireVector(op.outputs[1], "dbias", SN_F32, channelCount(dy));
  const int64_t partials = kSumBlocks * channelCount(dy) * int64_t{sizeof(float)};
  setImplementation(info, "saturnn:randomizedReluGradient", sums ? partials : 0);
  return std::make_unique<RandomizedReluGradient>(device, op, attributes);
}

}  // namespace saturnn::cuda
