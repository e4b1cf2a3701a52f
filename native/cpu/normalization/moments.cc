// Mean and variance of all elements of a tensor, which may be a slice: first the mean, then the squares of the
// differences from it, both summed in double. The order of the sums depends only on the shape.
#include "cpu/device/device.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"

namespace saturnn::cpu {

namespace {

class Moments final : public Kernel {
 public:
  Moments(const SnOpDesc& desc, Device& device) : simd_(*device.simd) {
    const SnTensor& x = desc.inputs[0];
    requireTensor(x, "x", SN_F32);
    requireVector(desc.outputs[0], "moments", SN_F32, 2);
    count_ = elementCount(x);
    x_ = isDense(x) ? flatRows(count_) : elementRows(x);
    chunks_ = Chunks(x_);
    reserveScratch(chunks_.count() * sizeof(CentredSums));
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const auto* x = static_cast<const float*>(inputs[0]);
    auto* sums = static_cast<CentredSums*>(scratch);
    auto* moments = static_cast<float*>(outputs[0]);
    const auto count = static_cast<double>(count_);
    const double mean = total(x, 0.0, sums).sum / count;
    moments[0] = static_cast<float>(mean);
    moments[1] = static_cast<float>(total(x, mean, sums).squares / count);
  }

 private:
  CentredSums total(const float* x, double centre, CentredSums* sums) const {
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      const int64_t rows = chunk.end - chunk.begin;
      const int64_t runs = x_.dense() ? 1 : rows;
      const int64_t length = x_.dense() ? rows * x_.channels : x_.channels;
      CentredSums sum{};
      for (int64_t run = 0; run < runs; ++run) {
        const float* row = x + x_.start(chunk.segment) + (chunk.begin + run) * x_.pitch;
        const CentredSums part = simd_.centredSums(row, length, centre);
        sum.sum += part.sum;
        sum.squares += part.squares;
      }
      sums[chunk.index] = sum;
    });
    CentredSums sum{};
    for (int64_t i = 0; i < chunks_.count(); ++i) {
      sum.sum += sums[i].sum;
      sum.squares += sums[i].squares;
    }
    return sum;
  }

  const SimdTable& simd_;
  int64_t count_;
  Rows x_;
  Chunks chunks_;
};

}  // namespace

std::unique_ptr<Kernel> createMoments(const SnOpDesc& desc, Device& device) {
  return std::make_unique<Moments>(desc, device);
}

}  // namespace saturnn::cpu
