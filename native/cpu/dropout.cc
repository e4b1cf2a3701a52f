// Dropout: y = x / (1 - rate), or 0 where a random number is below the rate. The numbers come from Philox by seed,
// step, stream and the element's index in NHWC order, so the mask is the same in every layout, on every backend, and in
// the backward pass, which is this kernel applied to dy.
#include "ops/attributes/dropout.h"

#include "cpu/device/device.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"

namespace saturnn::cpu {

namespace {

class Dropout final : public Kernel {
 public:
  Dropout(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd), attributes_(attributesOf<DropoutAttributes>(desc)) {
    const SnTensor &x = desc.inputs[0], &y = desc.outputs[0];
    requireTensor(x, "x", SN_F32);
    requireTensor(y, "y", SN_F32);
    if (elementCount(x) > INT32_MAX) refuse("x", "fewer than 2^31 elements", describe(x));
    requireSameShape(y, "y", x);
    requireVector(desc.inputs[1], "counter", SN_I32, 2);
    if (!(attributes_.rate >= 0.0f && attributes_.rate < 1.0f)) {
      refuse("rate", "at least 0 and less than 1", std::to_string(attributes_.rate));
    }
    x_ = elementRows(x);
    y_ = elementRows(y);
    requireSameRows(x_, "x", y_, "y");
    channels_ = channelCount(x);
    if (x_.segments == 1 && isDense(x) && isDense(y)) {
      x_ = y_ = flatRows(elementCount(x));
      channels_ = 1;
    }
    chunks_ = Chunks(x_);
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto* x = static_cast<const float*>(inputs[0]);
    const auto* counter = static_cast<const uint32_t*>(inputs[1]);
    auto* y = static_cast<float*>(outputs[0]);
    const auto threshold = static_cast<uint32_t>(static_cast<double>(attributes_.rate) * 4294967296.0);
    const float scale = 1.0f / (1.0f - attributes_.rate);
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      const int64_t firstRow = chunk.segment / x_.blocksPerImage * x_.rows + chunk.begin;
      const int64_t firstElement = firstRow * channels_ + chunk.segment % x_.blocksPerImage * blockChannels;
      simd_.dropout({x + x_.start(chunk.segment) + chunk.begin * x_.pitch, x_.pitch,
                     y + y_.start(chunk.segment) + chunk.begin * y_.pitch, y_.pitch, chunk.end - chunk.begin,
                     x_.channels, firstElement, channels_, counter[0], counter[1],
                     static_cast<uint32_t>(attributes_.stream), threshold, scale});
    });
  }

 private:
  const SimdTable& simd_;
  const DropoutAttributes attributes_;
  Rows x_, y_;
  int64_t channels_;  // elements from row to row in logical order
  Chunks chunks_;
};

}  // namespace

std::unique_ptr<Kernel> createDropout(const SnOpDesc& desc, Device& device) {
  return std::make_unique<Dropout>(desc, device);
}

}  // namespace saturnn::cpu
