// activation: y = f(x + bias). activationGradient: dx = dy f'(y), from the output alone, with the bias gradient. clamp: x
// between two bounds.
#include "cuda/kernels/activation.h"

#include <vector>

#include "cuda/kernel.h"
#include "cuda/kernels/common/sum_blocks.h"
#include "ops/attributes/activation.h"

namespace saturnn::cuda {
namespace {

ActivationAttributes checkedAttributes(const SnOpDesc& op) {
  const auto attributes = attributesOf<ActivationAttributes>(op);
  if (!isActivation(attributes.kind)) {
    refuse("kind", "an activation's id", std::to_string(attributes.kind));
  }
  return attributes;
}

class Activation : public SnKernel {
 public:
  Activation(SnDevice& device, const SnOpDesc& op, const ActivationAttributes& attributes)
      : SnKernel(device), attributes_(attributes), x_(op.inputs[0]), y_(op.outputs[0]) {}

  void launch(void* const* inputs, void* const* outputs, void*) override {
    launchChannelMap(attributes_.kind, attributes_.slope, constRows(x_, inputs[0]),
                     static_cast<const float*>(inputs[1]), rows(y_, outputs[0]), rowCount(x_), channelCount(x_),
                     device.stream());
  }

 private:
  ActivationAttributes attributes_;
  SnTensor x_, y_;
};

class ActivationGradient : public SnKernel {
 public:
  ActivationGradient(SnDevice& device, const SnOpDesc& op, const ActivationAttributes& attributes)
      : SnKernel(device), attributes_(attributes), dy_(op.inputs[0]), y_(op.inputs[1]), dx_(op.outputs[0]) {}

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    launchChannelGradient(attributes_.kind, attributes_.slope, constRows(dy_, inputs[0]), constRows(y_, inputs[1]),
                          rows(dx_, outputs[0]), static_cast<float*>(outputs[1]), static_cast<float*>(scratch),
                          rowCount(dy_), channelCount(dy_), device.stream());
  }

 private:
  ActivationAttributes attributes_;
  SnTensor dy_, y_, dx_;
};

// clamp, and clampGradient, which reads dy and y.
class Clamp : public SnKernel {
 public:
  Clamp(SnDevice& device, const SnOpDesc& op)
      : SnKernel(device),
        bounds_(attributesOf<ClampAttributes>(op)),
        inputs_(op.inputs, op.inputs + op.input_count),
        result_(op.outputs[0]) {}

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const ConstRows x = constRows(inputs_[0], inputs[0]);
    const ConstRows y = inputs_.size() > 1 ? constRows(inputs_[1], inputs[1]) : ConstRows{nullptr, x.stride, x.dtype};
    launchClamp(x, y, rows(result_, outputs[0]), bounds_.low, bounds_.high, rowCount(result_), channelCount(result_),
                device.stream());
  }

 private:
  ClampAttributes bounds_;
  std::vector<SnTensor> inputs_;
  SnTensor result_;
};

}  // namespace

KernelPointer createActivation(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const auto attributes = checkedAttributes(op);
  requireFloats(op.inputs[0], "x");
  requireLike(op.outputs[0], "y", op.inputs[0]);
  if (isPresent(op.inputs[1])) requireVector(op.inputs[1], "bias", SN_F32, channelCount(op.inputs[0]));
  setImplementation(info, "saturnn:channelMap");
  return std::make_unique<Activation>(device, op, attributes);
}

KernelPointer createActivationGradient(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const auto attributes = checkedAttributes(op);
  requireFloats(op.inputs[0], "dy");
  requireLike(op.inputs[1], "y", op.inputs[0]);
  requireLike(op.outputs[0], "dx", op.inputs[0]);
  if (isPresent(op.outputs[1])) requireVector(op.outputs[1], "dbias", SN_F32, channelCount(op.inputs[0]));
  const int64_t partials = kSumBlocks * channelCount(op.inputs[0]) * int64_t{sizeof(float)};
  setImplementation(info, "saturnn:channelGradient", isPresent(op.outputs[1]) ? partials : 0);
  return std::make_unique<ActivationGradient>(device, op, attributes);
}

KernelPointer createClamp(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireFloats(op.outputs[0], "the result");
  for (int i = 0; i < op.input_count; ++i) {
    const std::string argument = "input " + std::to_string(i);
    requireLike(op.inputs[i], argument, op.outputs[0]);
  }
  setImplementation(info, "saturnn:clamp");
  return std::make_unique<Clamp>(device, op);
}

}  // namespace saturnn::cuda
