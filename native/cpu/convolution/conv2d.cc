// conv2d: x [N,H,W,I], w [O,KH,KW,I], bias? [O] -> y [N,OH,OW,O], with the activation fused where it can be.
#include <cstring>

#include "cpu/activation.h"
#include "cpu/convolution/convolution.h"
#include "cpu/kernel.h"
#include "cpu/onednn/fused_activation.h"
#include "cpu/storage.h"
#include "ops/attributes/convolution.h"

namespace saturnn::cpu {

namespace {

using ForwardDesc = dnnl::convolution_forward::primitive_desc;

// Whether a fused activation is fast and correct: gemm applies it element by element, and its logistic turns NaN into
// 1.
bool fusesWell(const char* implementation) {
  return !isReference(implementation) && std::strstr(implementation, "gemm") == nullptr;
}

class Conv2d : public PrimitiveKernel {
 public:
  Conv2d(const SnOpDesc& op, Device& device)
      : PrimitiveKernel(device), attributes_(attributesOf<ConvolutionAttributes>(op)), y_(op.outputs[0]) {
    const SnTensor &x = op.inputs[0], &w = op.inputs[1], &b = op.inputs[2];
    const ConvolutionShape shape = convolutionShape(attributes_, "x", x, "w", w, "y", y_);
    dnnl::memory::desc bias;
    if (isPresent(b)) {
      bias = plainDesc("bias", b, 1);
      requireShape(b, "bias", {w.shape[0]});
    }
    if (y_.dtype == SN_BF16) requireBf16(device);
    const ForwardDesc desc = choose(shape, bias);
    std::vector<Operand> sources = {{DNNL_ARG_SRC, {Place::Input, 0}, shape.x, desc.src_desc()},
                                    {DNNL_ARG_WEIGHTS, {Place::Input, 1}, shape.weights, desc.weights_desc()}};
    if (isPresent(b)) sources.push_back({DNNL_ARG_BIAS, {Place::Input, 2}, bias, bias});
    addPrimitive(desc, sources, {{DNNL_ARG_DST, {Place::Output, 0}, shape.y, desc.dst_desc()}});
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    PrimitiveKernel::launch(inputs, outputs, scratch);
    if (!activateAfter_) return;
    const auto activate = [&](auto* y) {
      activateInPlace(*device().simd, attributes_.activation, attributes_.slope, y_, nullptr, y);
    };
    if (y_.dtype == SN_BF16) {
      activate(static_cast<Bf16*>(outputs[0]));
    } else {
      activate(static_cast<float*>(outputs[0]));
    }
  }

 private:
  // Chooses an implementation that fuses the activation, unless only one without it is fast.
  ForwardDesc choose(const ConvolutionShape& shape, const dnnl::memory::desc& bias) {
    const bool activated = attributes_.activation != SN_NO_ACTIVATION;
    const OneDnnActivation way = activated ? oneDnnActivation(attributes_.activation) : OneDnnActivation::none;
    const bool fusible = way != OneDnnActivation::none;
    dnnl::primitive_attr bare = userScratchpad(), fused = userScratchpad();
    if (fusible) fused.set_post_ops(activationPostOps(way, attributes_.slope));
    const auto make = [&](bool fuse) {
      return [&, fuse](const ConvolutionRequest& request) {
        // With post-ops other than relu, oneDNN replaces Winograd by a direct convolution.
        const bool winograd = request.algorithm == dnnl::algorithm::convolution_winograd;
        return forwardDesc(shape, request, bias, fuse && !winograd ? fused : bare, device().engine);
      };
    };
    ForwardDesc desc = chooseConvolution(shape, make(true));
    if (fusible && !fusesWell(desc.impl_info_str())) desc = chooseConvolution(shape, make(false));
    activateAfter_ = activated && desc.get_primitive_attr().get_post_ops().len() == 0;
    return desc;
  }

  ConvolutionAttributes attributes_;
  SnTensor y_;
  bool activateAfter_ = false;
};

}  // namespace

std::unique_ptr<Kernel> createConv2d(const SnOpDesc& op, Device& device) {
  return std::make_unique<Conv2d>(op, device);
}

}  // namespace saturnn::cpu
