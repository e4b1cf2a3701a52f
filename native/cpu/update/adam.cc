// Adam over the whole parameter arena at once. Weight decay is added to the gradient (Adam) or subtracted from w
// (AdamW). The bias correction is computed from the State's counter, so the arguments of a launch are the same in every
// step, and in double, because 1 - beta^t cancels. Nothing is written if the gate is not 0.
#include <cmath>

#include "cpu/device/device.h"
#include "cpu/kernel.h"
#include "cpu/update/segments.h"
#include "ops/update.h"
#include "shared/updates.h"

namespace saturnn::cpu {

namespace {

class Adam final : public Kernel {
 public:
  Adam(const SnOpDesc& desc, Device& device)
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
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const*, void*) override {
    if (*static_cast<const int32_t*>(inputs[0]) != 0) return;
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
        AdamRun run = common;
        run.parameters = parameters + begin;
        run.firstMoment = firstMoment + begin;
        run.secondMoment = secondMoment + begin;
        run.gradient = gradient + begin;
        run.count = end - begin;
        run.stepSize = static_cast<float>(stepSize * rate);
        if (attributes_.decoupled) {
          run.weightShrink = static_cast<float>(learningRate * rate * decay);
        } else {
          run.gradientDecay = decay;
        }
        simd_.adam(run);
      });
    });
  }

 private:
  const SimdTable& simd_;
  const AdamAttributes attributes_;
  const Segments segments_;
  Chunks chunks_;
};

}  // namespace

std::unique_ptr<Kernel> createAdam(const SnOpDesc& desc, Device& device) {
  return std::make_unique<Adam>(desc, device);
}

}  // namespace saturnn::cpu
