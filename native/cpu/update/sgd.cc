// SGD with momentum and weight decay over the whole parameter arena at once: m = momentum m - lr (g + decay w), w += m;
// with Nesterov w += momentum m - lr (g + decay w). The gradient may be multiplied by a factor (clipping), and segments
// of the arena may have their own rates and decays. Nothing is written if the gate is not 0.
#include "cpu/device/device.h"
#include "cpu/kernel.h"
#include "cpu/update/segments.h"
#include "ops/update.h"

namespace saturnn::cpu {

namespace {

class Sgd final : public Kernel {
 public:
  Sgd(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd),
        attributes_(attributesOf<SgdAttributes>(desc)),
        segments_(desc, 6, elementCount(desc.inputs[1]), attributes_.weightDecay, attributes_.decayed) {
    requireVector(desc.inputs[0], "gate", SN_I32, 1);
    const int64_t count = elementCount(desc.inputs[1]);
    requireVector(desc.inputs[1], "parameters", SN_F32, count);
    requireVector(desc.inputs[2], "momentum", SN_F32, count);
    requireVector(desc.inputs[3], "gradient", SN_F32, count);
    requireVector(desc.inputs[4], "learningRate", SN_F32, 1);
    if (isPresent(desc.inputs[5])) requireVector(desc.inputs[5], "scale", SN_F32, 1);
    chunks_ = Chunks(flatRows(count));
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const*, void*) override {
    if (*static_cast<const int32_t*>(inputs[0]) != 0) return;
    auto* parameters = static_cast<float*>(inputs[1]);
    auto* momentum = static_cast<float*>(inputs[2]);
    const auto* gradient = static_cast<const float*>(inputs[3]);
    const float learningRate = *static_cast<const float*>(inputs[4]);
    const float scale = gradientScale(inputs[5]);
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      segments_.forEach(inputs, chunk.begin, chunk.end, [&](int64_t begin, int64_t end, float rate, float decay) {
        simd_.sgd({parameters + begin, momentum + begin, gradient + begin, end - begin, scale, learningRate * rate,
                   attributes_.momentum, decay, attributes_.nesterov != 0});
      });
    });
  }

 private:
  const SimdTable& simd_;
  const SgdAttributes attributes_;
  const Segments segments_;
  Chunks chunks_;
};

}  // namespace

std::unique_ptr<Kernel> createSgd(const SnOpDesc& desc, Device& device) { return std::make_unique<Sgd>(desc, device); }

}  // namespace saturnn::cpu
