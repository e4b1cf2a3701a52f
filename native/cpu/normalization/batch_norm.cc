// Batch normalisation, y = (x - mean) scale / sqrt(variance + epsilon) + shift, with the statistics of x (batchNorm, in
// training; two passes over x) or given statistics (batchNormInference; one pass). y may lie over x.
#include <cmath>

#include "cpu/kernel.h"
#include "cpu/normalization/batch_norm_sums.h"
#include "ops/attributes/normalization.h"

namespace saturnn::cpu {

namespace {

// The base of both ops: computes y from x and four numbers per channel.
class Normalization : public Kernel {
 protected:
  Normalization(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd),
        epsilon_(attributesOf<BatchNormAttributes>(desc).epsilon),
        x_(batchNormRows(desc.inputs[0], "x")),
        y_(batchNormRows(desc.outputs[0], "y")),
        channels_(channelCount(desc.inputs[0])),
        sums_(x_, channels_, 2) {
    requireSameShape(desc.outputs[0], "y", desc.inputs[0]);
    requireSameRows(x_, "x", y_, "y");
    coefficients_ = reserveScratch(4 * channels_ * sizeof(float));
    setImplementation(simdImplementation(simd_));
  }

  struct Coefficients {
    float *mean, *rest, *factor, *shift;

    void set(int64_t c, double channelMean, double variance, float epsilon, float scale, float channelShift) const {
      mean[c] = static_cast<float>(channelMean);
      rest[c] = static_cast<float>(channelMean - mean[c]);
      factor[c] = static_cast<float>(scale / std::sqrt(variance + epsilon));
      shift[c] = channelShift;
    }
  };

  Coefficients coefficients(void* scratch) const {
    auto* first = reinterpret_cast<float*>(static_cast<char*>(scratch) + coefficients_);
    return {first, first + channels_, first + 2 * channels_, first + 3 * channels_};
  }

  void normalize(const void* x, void* y, const Coefficients& by) const {
    sums_.forEachChunk([&](const Chunks::Chunk& chunk) {
      const int64_t c = sums_.firstChannel(chunk);
      simd_.normalize({static_cast<const float*>(x) + x_.start(chunk.segment) + chunk.begin * x_.pitch, x_.pitch,
                       nullptr, 0, static_cast<float*>(y) + y_.start(chunk.segment) + chunk.begin * y_.pitch, y_.pitch,
                       by.mean + c, by.rest + c, by.factor + c, by.shift + c, nullptr, chunk.end - chunk.begin,
                       x_.channels});
    });
  }

  const SimdTable& simd_;
  const float epsilon_;
  const Rows x_, y_;
  const int64_t channels_;
  const ChannelSums sums_;

 private:
  size_t coefficients_;
};

class BatchNorm final : public Normalization {
 public:
  BatchNorm(const SnOpDesc& desc, Device& device)
      : Normalization(desc, device),
        count_(static_cast<double>(elementCount(desc.inputs[0])) / static_cast<double>(channels_)) {
    requireVector(desc.inputs[1], "scale", SN_F32, channels_);
    requireVector(desc.inputs[2], "shift", SN_F32, channels_);
    for (const int output : {1, 2}) {
      if (isPresent(desc.outputs[output])) {
        requireVector(desc.outputs[output], output == 1 ? "mean" : "variance", SN_F32, channels_);
      }
    }
    partialSums_ = reserveScratch(sums_.bytes());
    pivots_ = reserveScratch(channels_ * sizeof(float));
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const auto* x = static_cast<const float*>(inputs[0]);
    const auto* scale = static_cast<const float*>(inputs[1]);
    const auto* shift = static_cast<const float*>(inputs[2]);
    auto* mean = static_cast<float*>(outputs[1]);
    auto* variance = static_cast<float*>(outputs[2]);
    auto* bytes = static_cast<char*>(scratch);
    // The pivot is the first pixel of the first image: close enough to the mean, and the same in every layout.
    auto* pivots = reinterpret_cast<float*>(bytes + pivots_);
    for (int64_t c = 0; c < channels_; ++c) {
      const int64_t segment = c / x_.channels;
      pivots[c] = x[x_.start(segment) + c - segment * x_.channels];
    }
    const Coefficients by = coefficients(scratch);
    sums_.forEach(
        bytes + partialSums_,
        [&](const Chunks::Chunk& chunk, double* sums) {
          simd_.moments({x + x_.start(chunk.segment) + chunk.begin * x_.pitch, x_.pitch, nullptr, 0,
                         pivots + sums_.firstChannel(chunk), sums, sums_.pitch(), chunk.end - chunk.begin,
                         x_.channels});
        },
        [&](int64_t c, double sum, double squares, double) {
          const double fromPivot = sum / count_;
          const double spread = squares / count_ - fromPivot * fromPivot;
          const double channelVariance = spread < 0.0 ? 0.0 : spread;  // a comparison that keeps NaN
          by.set(c, pivots[c] + fromPivot, channelVariance, epsilon_, scale[c], shift[c]);
          if (mean) mean[c] = by.mean[c];
          if (variance) variance[c] = static_cast<float>(channelVariance);
        });
    normalize(x, outputs[0], by);
  }

 private:
  const double count_;  // values per channel
  size_t partialSums_, pivots_;
};

class BatchNormInference final : public Normalization {
 public:
  BatchNormInference(const SnOpDesc& desc, Device& device) : Normalization(desc, device) {
    const char* names[] = {"mean", "variance", "scale", "shift"};
    for (int i = 0; i < 4; ++i) requireVector(desc.inputs[i + 1], names[i], SN_F32, channels_);
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const auto of = [&](int i, int64_t c) { return static_cast<const float*>(inputs[i])[c]; };
    const Coefficients by = coefficients(scratch);
    for (int64_t c = 0; c < channels_; ++c) by.set(c, of(1, c), of(2, c), epsilon_, of(3, c), of(4, c));
    normalize(inputs[0], outputs[0], by);
  }
};

}  // namespace

std::unique_ptr<Kernel> createBatchNorm(const SnOpDesc& desc, Device& device) {
  return std::make_unique<BatchNorm>(desc, device);
}

std::unique_ptr<Kernel> createBatchNormInference(const SnOpDesc& desc, Device& device) {
  return std::make_unique<BatchNormInference>(desc, device);
}

}  // namespace saturnn::cpu
