// Clipping by the global norm, as one number: min(1, limit / norm). A norm of NaN gives NaN.
#include "../updates.h"
#include "geometry.h"
#include "ops.h"

namespace saturnn {

namespace {

class ClipFactor final : public Kernel {
 public:
  explicit ClipFactor(const SnOpDesc& desc) : limit_(attributesOf<SnClipAttributes>(desc).limit) {
    requireCount(desc.inputs[0], "norm", SN_F32, 1);
    requireCount(desc.outputs[0], "factor", SN_F32, 1);
    setImplementation("saturnn:scalar");
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    *static_cast<float*>(outputs[0]) = clipFactor(*static_cast<const float*>(inputs[0]), limit_);
  }

 private:
  const float limit_;
};

}  // namespace

std::unique_ptr<Kernel> createClipFactor(const SnOpDesc& desc, Device&) { return std::make_unique<ClipFactor>(desc); }

}  // namespace saturnn
