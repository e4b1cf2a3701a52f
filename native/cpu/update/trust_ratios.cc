// The learning rates of LARS, one per segment of the parameter arena: rate trust |w| / (|g| + decay |w|). Norms are
// summed in double, in an order that depends only on the segments.
#include "cpu/device/device.h"
#include "cpu/kernel.h"
#include "cpu/update/segments.h"
#include "ops/attributes/update.h"
#include "shared/updates.h"

namespace saturnn::cpu {

namespace {

struct SquareSums {
  double weights, gradient;
};

class TrustRatios final : public Kernel {
 public:
  TrustRatios(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd), attributes_(attributesOf<TrustRatiosAttributes>(desc)) {
    const int64_t count = elementCount(desc.inputs[0]);
    requireVector(desc.inputs[0], "parameters", SN_F32, count);
    requireVector(desc.inputs[1], "gradient", SN_F32, count);
    if (isPresent(desc.inputs[2])) requireVector(desc.inputs[2], "scale", SN_F32, 1);
    length_ = elementCount(desc.inputs[3]);
    requireVector(desc.inputs[3], "ends", SN_I32, length_);
    requireVector(desc.inputs[4], "rates", SN_F32, length_);
    requireVector(desc.inputs[5], "decays", SN_F32, length_);
    requireVector(desc.outputs[0], "ratios", SN_F32, length_);
    chunks_ = Chunks(flatRows(count));
    // Index c + s holds the part of segment s in chunk c: it is unique, because from one part to the next c or s grows.
    parts_ = chunks_.count() + length_;
    reserveScratch(parts_ * sizeof(SquareSums));
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const auto* parameters = static_cast<const float*>(inputs[0]);
    const auto* gradient = static_cast<const float*>(inputs[1]);
    const float scale = gradientScale(inputs[2]);
    const SegmentTable table{static_cast<const int32_t*>(inputs[3]), length_};
    const auto* rates = static_cast<const float*>(inputs[4]);
    const auto* decays = static_cast<const float*>(inputs[5]);
    auto* ratios = static_cast<float*>(outputs[0]);
    auto* sums = static_cast<SquareSums*>(scratch);
    for (int64_t i = 0; i < parts_; ++i) sums[i] = {};
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      table.forEach(chunk.begin, chunk.end, [&](int64_t s, int64_t begin, int64_t end) {
        sums[chunk.index + s] = {simd_.sumOfSquares(parameters + begin, end - begin),
                                 simd_.sumOfSquares(gradient + begin, end - begin)};
      });
    });
    int64_t chunk = 0;
    for (int64_t s = 0; s < length_; ++s) {
      SquareSums sum{};
      for (; chunk < chunks_.count(); ++chunk) {
        sum.weights += sums[chunk + s].weights;
        sum.gradient += sums[chunk + s].gradient;
        const int64_t chunkEnd = chunks_.at(chunk).end;
        if (chunkEnd > table.ends[s]) break;  // The next segment begins in this chunk.
        if (chunkEnd == table.ends[s]) {
          ++chunk;
          break;
        }
      }
      ratios[s] = table.ends[s] <= attributes_.trusted
                      ? trustRatio(sum.weights, sum.gradient, scale, rates[s], decays[s], attributes_.trust)
                      : rates[s];
    }
  }

 private:
  const SimdTable& simd_;
  const TrustRatiosAttributes attributes_;
  int64_t length_, parts_;
  Chunks chunks_;
};

}  // namespace

std::unique_ptr<Kernel> createTrustRatios(const SnOpDesc& desc, Device& device) {
  return std::make_unique<TrustRatios>(desc, device);
}

}  // namespace saturnn::cpu
