// unscale and adjustLossScale: see loss_scale.h.
#include "../loss_scale.h"

#include "geometry.h"
#include "ops.h"

namespace saturnn {

namespace {

class Unscale final : public Kernel {
 public:
  explicit Unscale(const SnOpDesc& desc) : limit_(attributesOf<SnClipAttributes>(desc).limit) {
    requireCount(desc.inputs[0], "loss", SN_F32, 1);
    requireCount(desc.inputs[1], "overflow", SN_I32, 1);
    requireCount(desc.inputs[2], "norm", SN_F32, 1);
    requireCount(desc.inputs[3], "scale", SN_F32, 1);
    requireCount(desc.outputs[0], "halt", SN_I32, 1);
    requireCount(desc.outputs[1], "norm", SN_F32, 1);
    requireCount(desc.outputs[2], "factor", SN_F32, 1);
    setImplementation("saturnn:scalar");
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto number = [&](int i) { return *static_cast<const float*>(inputs[i]); };
    const Unscaled result =
        unscale(number(0), *static_cast<const int32_t*>(inputs[1]), number(2), number(3), limit_);
    *static_cast<int32_t*>(outputs[0]) = result.halt;
    *static_cast<float*>(outputs[1]) = result.norm;
    *static_cast<float*>(outputs[2]) = result.factor;
  }

 private:
  const float limit_;
};

class AdjustLossScale final : public Kernel {
 public:
  explicit AdjustLossScale(const SnOpDesc& desc)
      : interval_(attributesOf<SnLossScaleAttributes>(desc).growth_interval) {
    requireCount(desc.inputs[0], "gate", SN_I32, 1);
    requireCount(desc.inputs[1], "overflow", SN_I32, 1);
    requireCount(desc.inputs[2], "scale", SN_F32, 1);
    requireCount(desc.inputs[3], "steps", SN_F32, 1);
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

std::unique_ptr<Kernel> createUnscale(const SnOpDesc& desc, Device&) { return std::make_unique<Unscale>(desc); }

std::unique_ptr<Kernel> createAdjustLossScale(const SnOpDesc& desc, Device&) {
  return std::make_unique<AdjustLossScale>(desc);
}

}  // namespace saturnn
