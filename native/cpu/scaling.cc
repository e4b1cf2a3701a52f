// Scalars of a whole step, computed from the norm of its gradient.
// finiteCheck: the gate of every write to the State, 0 if the loss and the norm of the gradient are finite. Squares are
// summed in double, so the norm is infinite only if it exceeds the range of f32. The order of the sum is fixed.
// clipFactor: clipping by the global norm, min(1, limit / norm). A norm of NaN gives NaN.
// unscale and adjustLossScale: see shared/loss_scale.h.
#include "ops/attributes/scaling.h"

#include <cmath>

#include "cpu/device/device.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"
#include "shared/loss_scale.h"
#include "shared/updates.h"

namespace saturnn::cpu {
namespace {

class FiniteCheck final : public Kernel {
 public:
  FiniteCheck(const SnOpDesc& desc, Device& device) : simd_(*device.simd) {
    requireVector(desc.inputs[0], "loss", SN_F32, 1);
    requireDense(desc.inputs[1], "gradient", SN_F32);
    requireVector(desc.outputs[0], "flag", SN_I32, 1);
    if (isPresent(desc.outputs[1])) requireVector(desc.outputs[1], "norm", SN_F32, 1);
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

class ClipFactor final : public Kernel {
 public:
  explicit ClipFactor(const SnOpDesc& desc) : limit_(attributesOf<ClipAttributes>(desc).limit) {
    requireVector(desc.inputs[0], "norm", SN_F32, 1);
    requireVector(desc.outputs[0], "factor", SN_F32, 1);
    setImplementation("saturnn:scalar");
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    *static_cast<float*>(outputs[0]) = clipFactor(*static_cast<const float*>(inputs[0]), limit_);
  }

 private:
  const float limit_;
};

class Unscale final : public Kernel {
 public:
  explicit Unscale(const SnOpDesc& desc) : limit_(attributesOf<ClipAttributes>(desc).limit) {
    requireVector(desc.inputs[0], "loss", SN_F32, 1);
    requireVector(desc.inputs[1], "overflow", SN_I32, 1);
    requireVector(desc.inputs[2], "norm", SN_F32, 1);
    requireVector(desc.inputs[3], "scale", SN_F32, 1);
    requireVector(desc.outputs[0], "halt", SN_I32, 1);
    requireVector(desc.outputs[1], "norm", SN_F32, 1);
    requireVector(desc.outputs[2], "factor", SN_F32, 1);
    setImplementation("saturnn:scalar");
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto number = [&](int i) { return *static_cast<const float*>(inputs[i]); };
    const Unscaled result = unscale(number(0), *static_cast<const int32_t*>(inputs[1]), number(2), number(3), limit_);
    *static_cast<int32_t*>(outputs[0]) = result.halt;
    *static_cast<float*>(outputs[1]) = result.norm;
    *static_cast<float*>(outputs[2]) = result.factor;
  }

 private:
  const float limit_;
};

class AdjustLossScale final : public Kernel {
 public:
  explicit AdjustLossScale(const SnOpDesc& desc) : interval_(attributesOf<LossScaleAttributes>(desc).growthInterval) {
    requireVector(desc.inputs[0], "gate", SN_I32, 1);
    requireVector(desc.inputs[1], "overflow", SN_I32, 1);
    requireVector(desc.inputs[2], "scale", SN_F32, 1);
    requireVector(desc.inputs[3], "steps", SN_F32, 1);
    setImplementation("saturnn:scalar");
  }

  void launch(void* const* inputs, void* const*, void*) override {
    if (*static_cast<const int32_t*>(inputs[0]) != 0) return;
    adjustLossScale(*static_cast<const int32_t*>(inputs[1]), interval_, static_cast<float*>(inputs[2]),
                    static_cast<float*>(inputs[3]));
  }

 private:
  const float interval_;
};

}  // namespace

std::unique_ptr<Kernel> createFiniteCheck(const SnOpDesc& desc, Device& device) {
  return std::make_unique<FiniteCheck>(desc, device);
}

std::unique_ptr<Kernel> createClipFactor(const SnOpDesc& desc, Device&) { return std::make_unique<ClipFactor>(desc); }

std::unique_ptr<Kernel> createUnscale(const SnOpDesc& desc, Device&) { return std::make_unique<Unscale>(desc); }

std::unique_ptr<Kernel> createAdjustLossScale(const SnOpDesc& desc, Device&) {
  return std::make_unique<AdjustLossScale>(desc);
}

}  // namespace saturnn::cpu
