// Adam over the whole parameter arena at once. Weight decay is added to the gradient (Adam) or subtracted from w
// (AdamW). The bias correction is computed from the State's counter, so the arguments of a launch are the same in every
// step, and in double, because 1 - beta^t cancels. Nothing is written if the gate is not 0. adamCheck tells before whether
// a new value would overflow.
#include <cmath>

#include "cpu/device/device.h"
#include "cpu/kernel.h"
#include "cpu/update/overflow.h"
#include "cpu/update/segments.h"
#include "ops/attributes/update.h"
#include "shared/updates.h"

namespace saturnn::cpu {

namespace {

// The inputs of an update, and the loop over them.
class AdamRule {
 public:
  AdamRule(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd),
        attributes_(attributesOf<AdamAttributes>(desc)),
        segments_(desc, 8, elementCount(desc.inputs[1]), attributes_.weightDecay, attributes_.decayed) {
    requireVector(desc.inputs[0], "gate", SN_I32, 1);
    const int64_t count = elementCount(desc.inputs[1]);
    requireVector(desc.inputs[1], "parameters", SN_F32, count);
    requireVector(desc.inputs[2], "firstMoment", SN_F32, count);
    requireVector(desc.inputs[3], "secondMoment", SN_F32, count);
    requireVector(desc.inputs[4], "gradient", SN_F32, count);
    requireVector(desc.inputs[5], "learningRate", SN_F32, 1);
    requireVector(desc.inputs[6], "counter", SN_I32, 2);
    if (isPresent(desc.inputs[7])) requireVector(desc.inputs[7], "scale", SN_F32, 1);
    chunks_ = Chunks(flatRows(count));
  }

  // Calls run(AdamRun) for runs of elements with the same numbers, on all threads.
  template <typename Run>
  void forRuns(void* const* inputs, const Run& run) const {
    auto* parameters = static_cast<float*>(inputs[1]);
    auto* firstMoment = static_cast<float*>(inputs[2]);
    auto* secondMoment = static_cast<float*>(inputs[3]);
    const auto* gradient = static_cast<const float*>(inputs[4]);
    const double learningRate = *static_cast<const float*>(inputs[5]);
    const double steps = static_cast<const uint32_t*>(inputs[6])[1] + 1.0;
    AdamRun common{};
    common.gradientScale = gradientScale(inputs[7]);
    common.firstRate = attributes_.firstRate;
    common.secondRate = attributes_.secondRate;
    common.epsilon = attributes_.epsilon;
    common.inverseCorrection = static_cast<float>(1.0 / std::sqrt(biasCorrection(attributes_.secondRate, steps)));
    const double stepSize = learningRate / biasCorrection(attributes_.firstRate, steps);
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      segments_.forEach(inputs, chunk.begin, chunk.end, [&](int64_t begin, int64_t end, float rate, float decay) {
        AdamRun part = common;
        part.parameters = parameters + begin;
        part.firstMoment = firstMoment + begin;
        part.secondMoment = secondMoment + begin;
        part.gradient = gradient + begin;
        part.count = end - begin;
        part.stepSize = static_cast<float>(stepSize * rate);
        if (attributes_.decoupled) {
          part.weightShrink = static_cast<float>(learningRate * rate * decay);
        } else {
          part.gradientDecay = decay;
        }
        run(part);
      });
    });
  }

  const SimdTable& simd() const { return simd_; }

 private:
  const SimdTable& simd_;
  const AdamAttributes attributes_;
  const Segments segments_;
  Chunks chunks_;
};

class Adam final : public Kernel {
 public:
  Adam(const SnOpDesc& desc, Device& device) : rule_(desc, device) {
    setImplementation(simdImplementation(rule_.simd()));
  }

  void launch(void* const* inputs, void* const*, void*) override {
    if (*static_cast<const int32_t*>(inputs[0]) != 0) return;
    rule_.forRuns(inputs, [&](const AdamRun& run) { rule_.simd().adam(run); });
  }

 private:
  const AdamRule rule_;
};

class AdamCheck final : public Kernel {
 public:
  AdamCheck(const SnOpDesc& desc, Device& device) : rule_(desc, device) {
    if (isPresent(desc.inputs[11])) requireVector(desc.inputs[11], "skip", SN_I32, 1);
    requireVector(desc.outputs[0], "flag", SN_I32, 1);
    setImplementation(simdImplementation(rule_.simd()));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    if (!isChecked(inputs[0], inputs[11], outputs[0])) return;
    OverflowCheck check(rule_.simd());
    rule_.forRuns(inputs, [&](const AdamRun& run) {
      check.run<3>({run.parameters, run.firstMoment, run.secondMoment}, run.count,
                   [&](const auto& copies, int64_t first, int64_t count) {
                     AdamRun part = run;
                     part.parameters = copies[0];
                     part.firstMoment = copies[1];
                     part.secondMoment = copies[2];
                     part.gradient = run.gradient + first;
                     part.count = count;
                     rule_.simd().adam(part);
                   });
    });
    if (check.found()) *static_cast<int32_t*>(outputs[0]) = 1;
  }

 private:
  const AdamRule rule_;
};

}  // namespace

std::unique_ptr<Kernel> createAdam(const SnOpDesc& desc, Device& device) {
  return std::make_unique<Adam>(desc, device);
}

std::unique_ptr<Kernel> createAdamCheck(const SnOpDesc& desc, Device& device) {
  return std::make_unique<AdamCheck>(desc, device);
}

}  // namespace saturnn::cpu
