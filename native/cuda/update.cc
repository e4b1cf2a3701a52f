// What changes the weights, behind the gate: sgd, adam, and averageWeights; and blend, which moves running statistics.
#include "../error.h"
#include "ops.h"
#include "segments.h"

namespace saturnn {
namespace {

class Sgd : public SnKernel {
 public:
  Sgd(SnDevice& device, const SnOpDesc& op, const SnSgdAttributes& attributes)
      : SnKernel(device),
        attributes_(attributes),
        count_(elementCount(op.inputs[1])),
        segments_(op, 6, count_, attributes.weight_decay, attributes.decayed) {}

  void launch(void* const* inputs, void* const*, void*) override {
    SgdStep step{};
    step.gate = static_cast<const int32_t*>(inputs[0]);
    step.parameters = static_cast<float*>(inputs[1]);
    step.momentum = static_cast<float*>(inputs[2]);
    step.gradient = static_cast<const float*>(inputs[3]);
    step.learningRate = static_cast<const float*>(inputs[4]);
    step.scale = static_cast<const float*>(inputs[5]);
    step.segments = segments_.at(inputs);
    step.count = count_;
    step.momentumFactor = attributes_.momentum;
    step.nesterov = attributes_.nesterov != 0;
    launchSgd(step, device.stream());
  }

 private:
  SnSgdAttributes attributes_;
  int64_t count_;
  SegmentInputs segments_;
};

class Adam : public SnKernel {
 public:
  Adam(SnDevice& device, const SnOpDesc& op, const SnAdamAttributes& attributes)
      : SnKernel(device),
        attributes_(attributes),
        count_(elementCount(op.inputs[1])),
        segments_(op, 8, count_, attributes.weight_decay, attributes.decayed) {}

  void launch(void* const* inputs, void* const*, void* scratch) override {
    AdamStep step{};
    step.gate = static_cast<const int32_t*>(inputs[0]);
    step.parameters = static_cast<float*>(inputs[1]);
    step.firstMoment = static_cast<float*>(inputs[2]);
    step.secondMoment = static_cast<float*>(inputs[3]);
    step.gradient = static_cast<const float*>(inputs[4]);
    step.learningRate = static_cast<const float*>(inputs[5]);
    step.counter = static_cast<const uint32_t*>(inputs[6]);
    step.scale = static_cast<const float*>(inputs[7]);
    step.segments = segments_.at(inputs);
    step.corrections = static_cast<AdamCorrections*>(scratch);
    step.count = count_;
    step.firstRate = attributes_.first_rate;
    step.secondRate = attributes_.second_rate;
    step.epsilon = attributes_.epsilon;
    step.decoupled = attributes_.decoupled != 0;
    launchAdam(step, device.stream());
  }

 private:
  SnAdamAttributes attributes_;
  int64_t count_;
  SegmentInputs segments_;
};

class AverageWeights : public SnKernel {
 public:
  AverageWeights(SnDevice& device, float rate, int64_t count) : SnKernel(device), rate_(rate), count_(count) {}

  void launch(void* const* inputs, void* const*, void*) override {
    launchAverageWeights(static_cast<const int32_t*>(inputs[0]), static_cast<const int32_t*>(inputs[3]),
                         static_cast<float*>(inputs[1]), static_cast<const float*>(inputs[2]), count_, rate_,
                         device.stream());
  }

 private:
  float rate_;
  int64_t count_;
};

class Blend : public SnKernel {
 public:
  Blend(SnDevice& device, const SnBlendAttributes& attributes, int64_t count)
      : SnKernel(device), attributes_(attributes), count_(count) {}

  void launch(void* const* inputs, void* const* outputs, void*) override {
    launchBlend(static_cast<const float*>(inputs[0]), attributes_.keep, static_cast<const float*>(inputs[1]),
                attributes_.take, static_cast<float*>(outputs[0]), count_, device.stream());
  }

 private:
  SnBlendAttributes attributes_;
  int64_t count_;
};

// Checks f32 [count] inputs from position `first` on.
void requireArenas(const SnOpDesc& op, int first, std::initializer_list<const char*> names, int64_t count) {
  for (const char* name : names) requireVector(op, name, op.inputs[first++], count);
}

void requireScale(const SnOpDesc& op, const SnTensor& scale) {
  if (isPresent(scale)) requireVector(op, "scale", scale, 1);
}

}  // namespace

KernelPointer createSgd(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireI32(op, "gate", op.inputs[0], 1);
  requireArenas(op, 1, {"parameters", "momentum", "gradient"}, elementCount(op.inputs[1]));
  requireVector(op, "learningRate", op.inputs[4], 1);
  requireScale(op, op.inputs[5]);
  setImplementation(info, "saturnn:sgd");
  return std::make_unique<Sgd>(device, op, attributesOf<SnSgdAttributes>(op));
}

KernelPointer createAdam(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireI32(op, "gate", op.inputs[0], 1);
  requireArenas(op, 1, {"parameters", "firstMoment", "secondMoment", "gradient"}, elementCount(op.inputs[1]));
  requireVector(op, "learningRate", op.inputs[5], 1);
  requireI32(op, "counter", op.inputs[6], 2);
  requireScale(op, op.inputs[7]);
  setImplementation(info, "saturnn:adam", sizeof(AdamCorrections));
  return std::make_unique<Adam>(device, op, attributesOf<SnAdamAttributes>(op));
}

KernelPointer createAverageWeights(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const int64_t count = elementCount(op.inputs[1]);
  requireI32(op, "gate", op.inputs[0], 1);
  requireArenas(op, 1, {"average", "parameters"}, count);
  requireI32(op, "counter", op.inputs[3], 2);
  setImplementation(info, "saturnn:averageWeights");
  return std::make_unique<AverageWeights>(device, attributesOf<SnAverageAttributes>(op).rate, count);
}

KernelPointer createBlend(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const SnTensor& y = op.outputs[0];
  const char* names[] = {"old", "value"};
  requireDense(op, "y", y);
  for (int i = 0; i < 2; ++i) {
    requireDense(op, names[i], op.inputs[i]);
    requireSameShape(op, names[i], op.inputs[i], y);
  }
  setImplementation(info, "saturnn:blend");
  return std::make_unique<Blend>(device, attributesOf<SnBlendAttributes>(op), elementCount(y));
}

}  // namespace saturnn
