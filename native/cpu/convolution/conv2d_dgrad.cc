// conv2dDgrad: dy [N,OH,OW,O], w [O,KH,KW,I] -> dx [N,H,W,I].
#include "cpu/convolution/convolution.h"
#include "cpu/kernel.h"
#include "ops/attributes/convolution.h"

namespace saturnn::cpu {

namespace {

class Conv2dDgrad : public PrimitiveKernel {
 public:
  Conv2dDgrad(const SnOpDesc& op, Device& device) : PrimitiveKernel(device) {
    const ConvolutionShape shape = convolutionShape(attributesOf<ConvolutionAttributes>(op), "dx", op.outputs[0], "w",
                                                    op.inputs[1], "dy", op.inputs[0]);
    using Dgrad = dnnl::convolution_backward_data;
    const auto desc = chooseConvolution(shape, [&](const ConvolutionRequest& request) -> Dgrad::primitive_desc {
      const auto hint = forwardDesc(shape, request, {}, userScratchpad(), device.engine);
      if (!hint) return {};
      const Dgrad::desc wish(request.algorithm, request.x, request.weights, request.y, shape.strides, shape.dilations,
                             shape.padding, shape.paddingEnd);
      return {wish, userScratchpad(), device.engine, hint, true};
    });
    addPrimitive(desc,
                 {{DNNL_ARG_DIFF_DST, {Place::Input, 0}, shape.y, desc.diff_dst_desc()},
                  {DNNL_ARG_WEIGHTS, {Place::Input, 1}, shape.weights, desc.weights_desc()}},
                 {{DNNL_ARG_DIFF_SRC, {Place::Output, 0}, shape.x, desc.diff_src_desc()}});
  }
};

}  // namespace

std::unique_ptr<Kernel> createConv2dDgrad(const SnOpDesc& op, Device& device) {
  return std::make_unique<Conv2dDgrad>(op, device);
}

}  // namespace saturnn::cpu
