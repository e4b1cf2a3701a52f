// The ops that write the State if the gate is open: sgd, adam, averageWeights, and for other values than weights assign
// and advance. sgdCheck and adamCheck, which tell before whether a new value would overflow, are the same kernels. Also trustRatios, which computes the learning rates of LARS, one per segment,
// and accumulate, the sum of the gradients of the parts of a batch.
#include "cuda/kernels/update.h"

#include "cuda/kernel.h"
#include "cuda/kernels/channels.h"
#include "ops/attributes/update.h"

namespace saturnn::cuda {

// Defined in kernels/update/. Nothing is written if *gate is not 0 (a null gate is open).
// average += averageRate(rate, steps done) (parameters - average)
void launchAverageWeights(const int32_t* gate, const int32_t* counter, float* average, const float* parameters,
                          int64_t count, float rate, cudaStream_t stream);
// *flag = whether *gate is not 0: before launchSgd() or launchAdam() with this flag.
void launchBeginCheck(const int32_t* gate, int32_t* flag, cudaStream_t stream);
// target = source, `bytes` long; and counter[1] += 1.
void launchGatedCopy(const int32_t* gate, void* target, const void* source, size_t bytes, cudaStream_t stream);
void launchAdvance(const int32_t* gate, int32_t* counter, cudaStream_t stream);

namespace {

// The optional table of rates and decays by segment, for an op that changes the weights: input `position` (ends) and
// the two after it (rates, decays).
class SegmentInputs {
 public:
  // `count` is the number of parameters. Throws ERR_INVALID_ARGUMENT.
  SegmentInputs(const SnOpDesc& op, int32_t position, int64_t count, float weightDecay, int32_t decayed)
      : position_(position) {
    if (decayed < 0 || decayed > count) {
      refuse("decayed", "0 to " + std::to_string(count) + " parameters", std::to_string(decayed));
    }
    segments_.weightDecay = weightDecay;
    segments_.decayed = decayed;
    const SnTensor* table = op.inputs + position;
    if (!isPresent(table[0]) && !isPresent(table[1]) && !isPresent(table[2])) return;
    const int64_t length = elementCount(table[0]);
    requireVector(table[0], "ends", SN_I32, length);
    requireVector(table[1], "rates", SN_F32, length);
    requireVector(table[2], "decays", SN_F32, length);
    segments_.count = static_cast<int32_t>(length);
  }

  // Returns the table with the pointers of launch().
  Segments at(void* const* inputs) const {
    Segments segments = segments_;
    segments.ends = static_cast<const int32_t*>(inputs[position_]);
    segments.rates = static_cast<const float*>(inputs[position_ + 1]);
    segments.decays = static_cast<const float*>(inputs[position_ + 2]);
    return segments;
  }

 private:
  int32_t position_;
  Segments segments_{};
};

class Sgd : public SnKernel {
 public:
  Sgd(SnDevice& device, const SnOpDesc& op, const SgdAttributes& attributes)
      : SnKernel(device),
        attributes_(attributes),
        checks_(op.output_count > 0),
        count_(elementCount(op.inputs[1])),
        segments_(op, 6, count_, attributes.weightDecay, attributes.decayed) {}

  void launch(void* const* inputs, void* const* outputs, void*) override {
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
    if (checks_) {
      step.flag = static_cast<int32_t*>(outputs[0]);
      step.skip = static_cast<const int32_t*>(inputs[9]);
      launchBeginCheck(step.gate, step.flag, device.stream());
    }
    launchSgd(step, device.stream());
  }

 private:
  SgdAttributes attributes_;
  bool checks_;  // this is sgdCheck
  int64_t count_;
  SegmentInputs segments_;
};

class Adam : public SnKernel {
 public:
  Adam(SnDevice& device, const SnOpDesc& op, const AdamAttributes& attributes)
      : SnKernel(device),
        attributes_(attributes),
        checks_(op.output_count > 0),
        count_(elementCount(op.inputs[1])),
        segments_(op, 8, count_, attributes.weightDecay, attributes.decayed) {}

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
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
    step.firstRate = attributes_.firstRate;
    step.secondRate = attributes_.secondRate;
    step.epsilon = attributes_.epsilon;
    step.decoupled = attributes_.decoupled != 0;
    if (checks_) {
      step.flag = static_cast<int32_t*>(outputs[0]);
      step.skip = static_cast<const int32_t*>(inputs[11]);
      launchBeginCheck(step.gate, step.flag, device.stream());
    }
    launchAdam(step, device.stream());
  }

 private:
  AdamAttributes attributes_;
  bool checks_;  // this is adamCheck
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

// The sum of all, over which the first part then writes its own gradient.
class Accumulate : public SnKernel {
 public:
  Accumulate(SnDevice& device, const SnOpDesc& op)
      : SnKernel(device), sum_(op.inputs[1]), gradient_(op.inputs[2]), total_(op.outputs[0]) {}

  void launch(void* const* inputs, void* const* outputs, void*) override {
    Addends addends{};
    addends.inputs[0] = constRows(sum_, inputs[1]);
    addends.inputs[1] = constRows(gradient_, inputs[2]);
    launchAdd(addends, 2, rows(total_, outputs[0]), rowCount(total_), channelCount(total_), device.stream());
    launchGatedCopy(static_cast<const int32_t*>(inputs[0]), outputs[0], inputs[2], byteCount(total_), device.stream());
  }

 private:
  SnTensor sum_, gradient_, total_;
};

class TrustRatios : public SnKernel {
 public:
  TrustRatios(SnDevice& device, const TrustRatiosAttributes& attributes, int64_t count, int32_t segments)
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
  TrustRatiosAttributes attributes_;
  int64_t count_;
  int32_t segments_;
};

// Checks inputs that must be f32 [count], from input `first` on.
void requireArenas(const SnOpDesc& op, int first, std::initializer_list<const char*> names, int64_t count) {
  for (const char* name : names) requireVector(op.inputs[first++], name, SN_F32, count);
}

void requireScale(const SnTensor& scale) {
  if (isPresent(scale)) requireVector(scale, "scale", SN_F32, 1);
}

// Checks what the check before an update has more than the update: input `skip`, and the flag.
void requireCheck(const SnOpDesc& op, int skip) {
  if (isPresent(op.inputs[skip])) requireVector(op.inputs[skip], "skip", SN_I32, 1);
  requireVector(op.outputs[0], "flag", SN_I32, 1);
}

}  // namespace

KernelPointer createSgd(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireVector(op.inputs[0], "gate", SN_I32, 1);
  requireArenas(op, 1, {"parameters", "momentum", "gradient"}, elementCount(op.inputs[1]));
  requireVector(op.inputs[4], "learningRate", SN_F32, 1);
  requireScale(op.inputs[5]);
  setImplementation(info, "saturnn:sgd");
  return std::make_unique<Sgd>(device, op, attributesOf<SgdAttributes>(op));
}

KernelPointer createAdam(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireVector(op.inputs[0], "gate", SN_I32, 1);
  requireArenas(op, 1, {"parameters", "firstMoment", "secondMoment", "gradient"}, elementCount(op.inputs[1]));
  requireVector(op.inputs[5], "learningRate", SN_F32, 1);
  requireVector(op.inputs[6], "counter", SN_I32, 2);
  requireScale(op.inputs[7]);
  setImplementation(info, "saturnn:adam", sizeof(AdamCorrections));
  return std::make_unique<Adam>(device, op, attributesOf<AdamAttributes>(op));
}

KernelPointer createSgdCheck(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireCheck(op, 9);
  return createSgd(device, op, info);
}

KernelPointer createAdamCheck(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireCheck(op, 11);
  return createAdam(device, op, info);
}

KernelPointer createAverageWeights(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const int64_t count = elementCount(op.inputs[1]);
  requireVector(op.inputs[0], "gate", SN_I32, 1);
  requireArenas(op, 1, {"average", "parameters"}, count);
  requireVector(op.inputs[3], "counter", SN_I32, 2);
  setImplementation(info, "saturnn:averageWeights");
  return std::make_unique<AverageWeights>(device, attributesOf<AverageWeightsAttributes>(op).rate, count);
}

KernelPointer createAccumulate(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireVector(op.inputs[0], "adds", SN_I32, 1);
  requireArenas(op, 1, {"sum", "gradient"}, elementCount(op.inputs[1]));
  requireVector(op.outputs[0], "total", SN_F32, elementCount(op.inputs[1]));
  setImplementation(info, "saturnn:accumulate");
  return std::make_unique<Accumulate>(device, op);
}

KernelPointer createAdvance(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireVector(op.inputs[0], "gate", SN_I32, 1);
  requireVector(op.inputs[1], "counter", SN_I32, 2);
  setImplementation(info, "saturnn:advance");
  return std::make_unique<Advance>(device);
}

KernelPointer createAssign(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const SnTensor& target = op.inputs[1];
  const SnTensor& value = op.inputs[2];
  if (isPresent(op.inputs[0])) requireVector(op.inputs[0], "gate", SN_I32, 1);
  requireDense(target, "target");
  requireDense(value, "value", target.dtype);
  requireSameShape(value, "value", target);
  setImplementation(info, "saturnn:gatedCopy");
  return std::make_unique<Assign>(device, byteCount(target));
}

KernelPointer createTrustRatios(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const int64_t count = elementCount(op.inputs[0]), segments = elementCount(op.inputs[3]);
  requireVector(op.inputs[0], "parameters", SN_F32, count);
  requireVector(op.inputs[1], "gradient", SN_F32, count);
  if (isPresent(op.inputs[2])) requireVector(op.inputs[2], "scale", SN_F32, 1);
  requireVector(op.inputs[3], "ends", SN_I32, segments);
  requireVector(op.inputs[4], "rates", SN_F32, segments);
  requireVector(op.inputs[5], "decays", SN_F32, segments);
  requireVector(op.outputs[0], "ratios", SN_F32, segments);
  setImplementation(info, "saturnn:trustRatios", trustRatiosScratch(static_cast<int>(segments)));
  return std::make_unique<TrustRatios>(device, attributesOf<TrustRatiosAttributes>(op), count,
                                       static_cast<int32_t>(segments));
}

}  // namespace saturnn::cuda
