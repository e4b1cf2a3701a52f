// The gradient of batch normalisation, with v = 1 / sqrt(variance + epsilon) and n values per channel:
//
//   dshift = sum dy,  dscale = v sum dy (x - mean)
//   dx = scale v (dy - dshift / n - (x - mean) v dscale / n)      with the statistics of x itself
//   dx = scale v dy                                               with given ones (frozen)
//
// Two passes over dy and x; dx may lie over dy. The mean, rounded to f32, is not exact enough if it is many deviations
// from 0: so it is only a pivot, and the sum of x - pivot corrects it.
#include <cmath>

#include "cpu/kernel.h"
#include "cpu/normalization/batch_norm_sums.h"
#include "ops/attributes/normalization.h"

namespace saturnn::cpu {

namespace {

class BatchNormGradient final : public Kernel {
 public:
  BatchNormGradient(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd),
        attributes_(attributesOf<BatchNormGradientAttributes>(desc)),
        dy_(batchNormRows(desc.inputs[0], "dy")),
        x_(batchNormRows(desc.inputs[1], "x")),
        dx_(batchNormRows(desc.outputs[0], "dx")),
        channels_(channelCount(desc.inputs[1])),
        count_(static_cast<double>(elementCount(desc.inputs[1])) / static_cast<double>(channels_)),
        sums_(x_, channels_, 3) {
    requireSameShape(desc.inputs[0], "dy", desc.inputs[1]);
    requireSameShape(desc.outputs[0], "dx", desc.inputs[1]);
    requireSameRows(x_, "x", dy_, "dy");
    requireSameRows(x_, "x", dx_, "dx");
    const char* names[] = {"mean", "variance", "scale"};
    for (int i = 0; i < 3; ++i) requireVector(desc.inputs[i + 2], names[i], SN_F32, channels_);
    if (isPresent(desc.outputs[1])) requireVector(desc.outputs[1], "dscale", SN_F32, channels_);
    if (isPresent(desc.outputs[2])) requireVector(desc.outputs[2], "dshift", SN_F32, channels_);
    partialSums_ = reserveScratch(sums_.bytes());
    coefficients_ = reserveScratch(4 * channels_ * sizeof(float));
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const auto* dy = static_cast<const float*>(inputs[0]);
    const auto* x = static_cast<const float*>(inputs[1]);
    const auto* mean = static_cast<const float*>(inputs[2]);
    const auto* variance = static_cast<const float*>(inputs[3]);
    const auto* scale = static_cast<const float*>(inputs[4]);
    auto* dx = static_cast<float*>(outputs[0]);
    auto* dscale = static_cast<float*>(outputs[1]);
    auto* dshift = static_cast<float*>(outputs[2]);
    auto* bytes = static_cast<char*>(scratch);
    auto* rest = reinterpret_cast<float*>(bytes + coefficients_);
    float* factor = rest + channels_;
    float* shift = factor + channels_;
    float* dyFactor = shift + channels_;
    const bool frozen = attributes_.frozen != 0;
    sums_.forEach(
        bytes + partialSums_,
        [&](const Chunks::Chunk& chunk, double* sums) {
          simd_.gradientMoments({at(x, x_, chunk), x_.pitch, at(dy, dy_, chunk), dy_.pitch,
                                 mean + sums_.firstChannel(chunk), sums, sums_.pitch(), chunk.end - chunk.begin,
                                 x_.channels});
        },
        [&](int64_t c, double sum, double gradient, double product) {
          const double inverseDeviation = 1.0 / std::sqrt(static_cast<double>(variance[c]) + attributes_.epsilon);
          const double channelRest = frozen ? 0.0 : sum / count_;
          const double scaleGradient = inverseDeviation * (product - channelRest * gradient);
          const double ofGradient = scale[c] * inverseDeviation;
          rest[c] = static_cast<float>(channelRest);
          dyFactor[c] = static_cast<float>(ofGradient);
          factor[c] = static_cast<float>(-ofGradient * inverseDeviation * scaleGradient / count_);
          shift[c] = static_cast<float>(-ofGradient * gradient / count_);
          if (dscale) dscale[c] = static_cast<float>(scaleGradient);
          if (dshift) dshift[c] = static_cast<float>(gradient);
        });
    // If frozen, dx is dy times a factor. x is not read, because it may not be finite.
    if (frozen)
      for (int64_t c = 0; c < 3 * channels_; ++c) rest[c] = 0.0f;
    sums_.forEachChunk([&](const Chunks::Chunk& chunk) {
      const int64_t c = sums_.firstChannel(chunk), rows = chunk.end - chunk.begin;
      float* to = dx + dx_.start(chunk.segment) + chunk.begin * dx_.pitch;
      if (frozen) {
        simd_.normalize({at(dy, dy_, chunk), dy_.pitch, nullptr, 0, to, dx_.pitch, rest + c, rest + c, dyFactor + c,
                         shift + c, nullptr, rows, x_.channels});
      } else {
        simd_.normalizeGradient({at(x, x_, chunk), x_.pitch, at(dy, dy_, chunk), dy_.pitch, to, dx_.pitch, mean + c,
                                 rest + c, factor + c, shift + c, dyFactor + c, rows, x_.channels});
      }
    });
  }

 private:
  static const float* at(const float* data, const Rows& rows, const Chunks::Chunk& chunk) {
    return data + rows.start(chunk.segment) + chunk.begin * rows.pitch;
  }

  const SimdTable& simd_;
  const BatchNormGradientAttributes attributes_;
  const Rows dy_, x_, dx_;
  const int64_t channels_;
  const double count_;  // values per channel
  const ChannelSums sums_;
  size_t partialSums_, coefficients_;
};

}  // namespace

std::unique_ptr<Kernel> createBatchNormGradient(const SnOpDesc& desc, Device& device) {
  return std::make_unique<BatchNormGradient>(desc, device);
}

}  // namespace saturnn::cpu
