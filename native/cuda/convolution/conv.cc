// conv2d, conv2dDgrad, conv2dDgradActivation and conv2dWgrad. cuDNN computes the convolution. Bias and activation, or
// its derivative, are fused into its kernel if that is compiled at run time; else kernels of ours apply them in place.
//   conv2d:                x [N,H,W,C], w [O,KH,KW,C/G], bias? [O]          -> y [N,H',W',O]
//   conv2dDgrad:           dy [N,H',W',O], w [O,KH,KW,C/G]                  -> dx [N,H,W,C]
//   conv2dDgradActivation: dy [N,H',W',O], w [O,KH,KW,C/G], y [N,H,W,C]     -> dx [N,H,W,C], dbias? [C]
//   conv2dWgrad:           x [N,H,W,C], dy [N,H',W',O]                    -> dw [O,KH,KW,C/G], dbias? [O]
// Images f32, bf16 or f16; w f32 or that of the images; bias, dw and dbias f32.
//
// Strict f32 is never fused: all engines that can fuse an activation, except a slow one, use tensor cores (TF32). The
// pass in place reads and writes the tensor once more, but uses the same arithmetic as the other backends.
#include "cuda/convolution/conv_kernel.h"
#include "cuda/kernel.h"
#include "cuda/kernels/activation.h"
#include "ops/attributes/convolution.h"
#include "shared/convolution_checks.h"

namespace saturnn::cuda {
namespace {

ConvTask taskOf(const SnOpDesc& op, ConvPass pass, const char* xName, const SnTensor& x, const char* wName,
                const SnTensor& w, const char* yName, const SnTensor& y) {
  const auto attributes = attributesOf<ConvolutionAttributes>(op);
  requireConvOperands(pass, xName, x, wName, w, yName, y);
  requireConvolution(attributes, xName, x, wName, w, yName, y);
  const ConvProblem problem{x.shape[0],           x.shape[1],           x.shape[2],          x.shape[3],
                            w.shape[0],           w.shape[1],           w.shape[2],          y.shape[1],
                            y.shape[2],           attributes.strideH,   attributes.strideW,  attributes.padTop,
                            attributes.padLeft,   attributes.padBottom, attributes.padRight, attributes.dilationH,
                            attributes.dilationW, attributes.groups};
  return makeConvTask(op, problem, pass, x.dtype, w.dtype);
}

}  // namespace

KernelPointer createConv2d(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const auto attributes = attributesOf<ConvolutionAttributes>(op);
  ConvTask task = taskOf(op, ConvPass::forward, "x", op.inputs[0], "w", op.inputs[1], "y", op.outputs[0]);
  if (attributes.activation != SN_NO_ACTIVATION && !isActivation(attributes.activation)) {
    refuse("activation", "an activation's id", std::to_string(attributes.activation));
  }
  if (isPresent(op.inputs[2])) requireVector(op.inputs[2], "bias", SN_F32, task.problem.o);
  task.epilogue = {isPresent(op.inputs[2]), attributes.activation, attributes.slope};
  return makeConvForward(device, op, task, info);
}

KernelPointer createConv2dDgrad(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const ConvTask task = taskOf(op, ConvPass::dataGradient, "dx", op.outputs[0], "w", op.inputs[1], "dy", op.inputs[0]);
  return makeConvDgrad(device, op, task, info);
}

// y is the output of the activation before this layer, from which f' is computed; dbias is the gradient of that layer's
// bias.
KernelPointer createConv2dDgradActivation(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const auto attributes = attributesOf<ConvolutionAttributes>(op);
  ConvTask task = taskOf(op, ConvPass::dataGradient, "dx", op.outputs[0], "w", op.inputs[1], "dy", op.inputs[0]);
  const SnTensor& activated = op.inputs[2];
  const bool sums = isPresent(op.outputs[1]);
  if (!isActivation(attributes.activation)) {
    refuse("activation", "an activation's id", std::to_string(attributes.activation));
  }
  requireLike(activated, "y", op.outputs[0]);
  requireDense(activated, "y");
  if (sums) requireVector(op.outputs[1], "dbias", SN_F32, task.problem.c);
  task.epilogue = {sums, attributes.activation, attributes.slope};
  return makeConvDgradActivation(device, op, task, info);
}

KernelPointer createConv2dWgrad(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const ConvTask task =
      taskOf(op, ConvPass::weightGradient, "x", op.inputs[0], "dw", op.outputs[0], "dy", op.inputs[1]);
  return makeConvWgrad(device, op, task, info);
}

}  // namespace saturnn::cuda
