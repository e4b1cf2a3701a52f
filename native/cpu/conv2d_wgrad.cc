// conv2dWgrad: x [N,H,W,I], dy [N,OH,OW,O] -> dw [O,KH,KW,I], dbias? [O]. The gradients are f32 whatever the images are:
// sums over a whole batch.
#include "convolution.h"
#include "ops.h"

namespace saturnn {

namespace {

class Conv2dWgrad : public PrimitiveKernel {
 public:
  Conv2dWgrad(const SnOpDesc& op, Device& device) : PrimitiveKernel(device) {
    const SnTensor &dw = op.outputs[0], &db = op.outputs[1];
    const ConvolutionShape shape = convolutionShape(attributesOf<SnConvAttributes>(op), "x", op.inputs[0], "dw", dw,
                                                    "dy", op.inputs[1]);
    dnnl::memory::desc bias;
    if (isPresent(db)) {
      bias = plainDesc("dbias", db, 1);
      require(db.shape[0] == dw.shape[0], "Expected [" + std::to_string(dw.shape[0]) + "] for dbias but received [" +
                                              std::to_string(db.shape[0]) + "]");
    }
    using Wgrad = dnnl::convolution_backward_weights;
    const auto desc = chooseConvolution(shape, [&](const ConvolutionRequest& request) -> Wgrad::primitive_desc {
      const auto hint = forwardDesc(shape, request, bias, userScratchpad(), device.engine);
      if (!hint) return {};
      const Wgrad::desc wish(request.algorithm, request.x, anyLayout(shape.weights), bias, request.y, shape.strides,
                             shape.padding, shape.padding);
      return {wish, userScratchpad(), device.engine, hint, true};
    });
    std::vector<Operand> destinations = {
        {DNNL_ARG_DIFF_WEIGHTS, {Place::Output, 0}, shape.weights, desc.diff_weights_desc()}};
    if (isPresent(db)) destinations.push_back({DNNL_ARG_DIFF_BIAS, {Place::Output, 1}, bias, bias});
    addPrimitive(desc,
                 {{DNNL_ARG_SRC, {Place::Input, 0}, shape.x, desc.src_desc()},
                  {DNNL_ARG_DIFF_DST, {Place::Input, 1}, shape.y, desc.diff_dst_desc()}},
                 destinations);
  }
};

}  // namespace

std::unique_ptr<Kernel> createConv2dWgrad(const SnOpDesc& op, Device& device) {
  return std::make_unique<Conv2dWgrad>(op, device);
}

}  // namespace saturnn
