// y = keep old + take value, element by element: the update of running averages.
#include "cpu/device/device.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"
#include "ops/attributes/normalization.h"

namespace saturnn::cpu {

namespace {

class Blend final : public Kernel {
 public:
  Blend(const SnOpDesc& desc, Device& device) : simd_(*device.simd), attributes_(attributesOf<BlendAttributes>(desc)) {
    const SnTensor& y = desc.outputs[0];
    requireDense(y, "y", SN_F32);
    requireLike(desc.inputs[0], "old", y);
    requireDense(desc.inputs[0], "old");
    requireLike(desc.inputs[1], "value", y);
    requireDense(desc.inputs[1], "value");
    chunks_ = Chunks(flatRows(elementCount(y)));
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto* old = static_cast<const float*>(inputs[0]);
    const auto* value = static_cast<const float*>(inputs[1]);
    auto* y = static_cast<float*>(outputs[0]);
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      simd_.blend(old + chunk.begin, attributes_.keep, value + chunk.begin, attributes_.take, y + chunk.begin,
                  chunk.end - chunk.begin);
    });
  }

 private:
  const SimdTable& simd_;
  const BlendAttributes attributes_;
  Chunks chunks_;
};

}  // namespace

std::unique_ptr<Kernel> createBlend(const SnOpDesc& desc, Device& device) {
  return std::make_unique<Blend>(desc, device);
}

}  // namespace saturnn::cpu
