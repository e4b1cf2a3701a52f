// The exponential moving average of the weights: average += max(rate, 9 / (10 + steps done)) (weights - average).
// Nothing is written if the gate is not 0.
#include "cpu/device/device.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"
#include "ops/attributes/update.h"
#include "shared/updates.h"

namespace saturnn::cpu {

namespace {

class AverageWeights final : public Kernel {
 public:
  AverageWeights(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd), attributes_(attributesOf<AverageWeightsAttributes>(desc)) {
    requireVector(desc.inputs[0], "gate", SN_I32, 1);
    const int64_t count = elementCount(desc.inputs[1]);
    requireVector(desc.inputs[1], "average", SN_F32, count);
    requireVector(desc.inputs[2], "parameters", SN_F32, count);
    requireVector(desc.inputs[3], "counter", SN_I32, 2);
    chunks_ = Chunks(flatRows(count));
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const*, void*) override {
    if (*static_cast<const int32_t*>(inputs[0]) != 0) return;
    auto* average = static_cast<float*>(inputs[1]);
    const auto* parameters = static_cast<const float*>(inputs[2]);
    const double steps = static_cast<const uint32_t*>(inputs[3])[1];
    const auto rate = averageRate(attributes_.rate, steps);
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      simd_.approach(parameters + chunk.begin, average + chunk.begin, rate, chunk.end - chunk.begin);
    });
  }

 private:
  const SimdTable& simd_;
  const AverageWeightsAttributes attributes_;
  Chunks chunks_;
};

}  // namespace

std::unique_ptr<Kernel> createAverageWeights(const SnOpDesc& desc, Device& device) {
  return std::make_unique<AverageWeights>(desc, device);
}

}  // namespace saturnn::cpu
