// The gate of every write to the State: 0 if the loss and the norm of the gradient are finite. Squares are summed in
// double, so the norm is infinite only if it exceeds what f32 holds; the order of the sum is fixed.
#include <cmath>

#include "device.h"
#include "geometry.h"
#include "ops.h"

namespace saturnn {

namespace {

class FiniteCheck final : public Kernel {
 public:
  FiniteCheck(const SnOpDesc& desc, Device& device) : simd_(*device.simd) {
    requireCount(desc.inputs[0], "loss", SN_F32, 1);
    requireTensor(desc.inputs[1], "gradient", SN_F32);
    requireDense(desc.inputs[1], "gradient");
    requireCount(desc.outputs[0], "flag", SN_I32, 1);
    if (isPresent(desc.outputs[1])) requireCount(desc.outputs[1], "norm", SN_F32, 1);
    chunks_ = Chunks(flatRows(elementCount(desc.inputs[1])));
    reserveScratch(chunks_.count() * sizeof(double));
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const auto* gradient = static_cast<const float*>(inputs[1]);
    auto* sums = static_cast<double*>(scratch);
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      sums[chunk.index] = simd_.sumOfSquares(gradient + chunk.begin, chunk.end - chunk.begin);
    });
    double sum = 0.0;
    for (int64_t i = 0; i < chunks_.count(); ++i) sum += sums[i];
    const auto norm = static_cast<float>(std::sqrt(sum));
    const bool finite = std::isfinite(*static_cast<const float*>(inputs[0])) && std::isfinite(norm);
    *static_cast<int32_t*>(outputs[0]) = finite ? 0 : 1;
    if (outputs[1]) *static_cast<float*>(outputs[1]) = norm;
  }

 private:
  const SimdTable& simd_;
  Chunks chunks_;
};

}  // namespace

std::unique_ptr<Kernel> createFiniteCheck(const SnOpDesc& desc, Device& device) {
  return std::make_unique<FiniteCheck>(desc, device);
}

}  // namespace saturnn
