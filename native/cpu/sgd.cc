// SGD with momentum and weight decay over the whole parameter arena at once: m = momentum m - lr (g + decay w), w += m.
// Weights come first in the arena and are decayed; biases follow and are not. Nothing is written if the gate is not 0.
#include <algorithm>

#include "device.h"
#include "geometry.h"
#include "ops.h"

namespace saturnn {

namespace {

class Sgd final : public Kernel {
 public:
  Sgd(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd), attributes_(attributesOf<SnSgdAttributes>(desc)) {
    requireCount(desc.inputs[0], "gate", SN_I32, 1);
    requireTensor(desc.inputs[1], "parameters", SN_F32);
    requireDense(desc.inputs[1], "parameters");
    const int64_t count = elementCount(desc.inputs[1]);
    requireCount(desc.inputs[2], "momentum", SN_F32, count);
    requireCount(desc.inputs[3], "gradient", SN_F32, count);
    requireCount(desc.inputs[4], "learningRate", SN_F32, 1);
    require(attributes_.decayed >= 0 && attributes_.decayed <= count,
            "Expected at most " + std::to_string(count) + " decayed parameters but received " +
                std::to_string(attributes_.decayed));
    chunks_ = Chunks(flatRows(count));
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const*, void*) override {
    if (*static_cast<const int32_t*>(inputs[0]) != 0) return;
    auto* parameters = static_cast<float*>(inputs[1]);
    auto* momentum = static_cast<float*>(inputs[2]);
    const auto* gradient = static_cast<const float*>(inputs[3]);
    const float learningRate = *static_cast<const float*>(inputs[4]);
    const auto update = [&](int64_t begin, int64_t end, float weightDecay) {
      if (begin >= end) return;
      simd_.sgd({parameters + begin, momentum + begin, gradient + begin, end - begin, learningRate,
                 attributes_.momentum, weightDecay});
    };
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      const int64_t middle = std::clamp<int64_t>(attributes_.decayed, chunk.begin, chunk.end);
      update(chunk.begin, middle, attributes_.weight_decay);
      update(middle, chunk.end, 0.0f);
    });
  }

 private:
  const SimdTable& simd_;
  const SnSgdAttributes attributes_;
  Chunks chunks_;
};

}  // namespace

std::unique_ptr<Kernel> createSgd(const SnOpDesc& desc, Device& device) { return std::make_unique<Sgd>(desc, device); }

}  // namespace saturnn
