// The fully connected layer and its two gradients, as 1x1 convolutions of images of one pixel:
//   linear:      x [N,I], w [O,I], bias? [O] -> y [N,O]
//   linearDgrad: dy [N,O], w [O,I]           -> dx [N,I]
//   linearWgrad: x [N,I], dy [N,O]           -> dw [O,I], dbias? [O]
// x, y and their gradients are f32, bf16 or f16; w is f32 or has the dtype of x; bias, dw and dbias are f32. cuDNN has
// as many plans for these as for any convolution, also for strict f32 and 100 classes, so matmul operations are not
// needed.
#include "cuda/convolution/conv_kernel.h"
#include "cuda/kernel.h"

namespace saturnn::cuda {
namespace {

ConvTask taskOf(const SnOpDesc& op, ConvPass pass, const char* xName, const SnTensor& x, const char* wName,
                const SnTensor& w, const char* yName, const SnTensor& y) {
  requireConvOperands(pass, xName, x, wName, w, yName, y);
  requireRank(x, xName, 2, "[batch, features]");
  requireRank(w, wName, 2, "[outputs, features]");
  const int64_t batch = x.shape[0], features = x.shape[1], outputs = w.shape[0];
  requireShape(w, wName, {outputs, features});
  requireShape(y, yName, {batch, outputs});
  const ConvProblem problem{batch, 1, 1, features, outputs, 1, 1, 1, 1};
  ConvTask task = makeConvTask(op, problem, pass, x.dtype, w.dtype);
  task.plain = true;  // fusing would save a pass over a few kilobytes but cost half a second of compiling
  return task;
}

}  // namespace

KernelPointer createLinear(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  ConvTask task = taskOf(op, ConvPass::forward, "x", op.inputs[0], "w", op.inputs[1], "y", op.outputs[0]);
  if (isPresent(op.inputs[2])) requireVector(op.inputs[2], "bias", SN_F32, task.problem.o);
  task.epilogue.bias = isPresent(op.inputs[2]);
  return makeConvForward(device, op, task, info);
}

KernelPointer createLinearDgrad(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const ConvTask task = taskOf(op, ConvPass::dataGradient, "dx", op.outputs[0], "w", op.inputs[1], "dy", op.inputs[0]);
  return makeConvDgrad(device, op, task, info);
}

KernelPointer createLinearWgrad(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const ConvTask task =
      taskOf(op, ConvPass::weightGradient, "x", op.inputs[0], "dw", op.outputs[0], "dy", op.inputs[1]);
  return makeConvWgrad(device, op, task, info);
}

}  // namespace saturnn::cuda
