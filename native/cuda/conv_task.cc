// See conv_task.h.
#include "conv_task.h"

#include <algorithm>

#include "../error.h"

namespace saturnn {
namespace {

// Tensor cores read 16 bytes of channels at a time. Given other channel counts, cuDNN's plain engines repack both images
// into their workspace, by kernels slower than ours, and the fused ones leave the good engine (4) for a slower one (7);
// given 4 channels of f32, the first plan still repacks. So a count that is no multiple of 8 (of 4 for f32, but at least
// 8) is filled up with zeros here. In the networks that is the image alone: 3 channels become 8.
int64_t padded(int64_t channels, cudnnDataType_t type) {
  const int64_t multiple = type == CUDNN_DATA_FLOAT ? 4 : 8;
  return std::max<int64_t>(8, (channels + multiple - 1) / multiple * multiple);
}

cudnnDataType_t typeOf(SnDType dtype) {
  switch (dtype) {
    case SN_F32: return CUDNN_DATA_FLOAT;
    case SN_BF16: return CUDNN_DATA_BFLOAT16;
    case SN_F16: return CUDNN_DATA_HALF;
    default: throw Error("ERR_INTERNAL", "a convolution of " + std::string(dtypeName(dtype)));
  }
}

}  // namespace

ConvPolicy ConvTask::policy() const {
  ConvPolicy policy;
  policy.tensorCores = usesTensorCores();
  policy.deterministic = deterministic;
  return policy;
}

std::vector<ConvVariant> variantsOf(const ConvTask& task) {
  ConvSpec spec{task.problem, task.pass, typeOf(task.images), typeOf(task.images), {}};
  if (task.usesTensorCores()) {
    spec.problem.c = padded(task.problem.c, spec.images);
    spec.problem.o = padded(task.problem.o, spec.images);
  }
  std::vector<ConvVariant> variants;
  // A fused plan would read as many biases as it has output channels, and the pass that cuts them off activates anyway.
  const bool mayFuse = !task.plain && task.usesTensorCores() && spec.problem.o == task.problem.o;
  if (mayFuse && task.pass == ConvPass::forward && isFusible(task.epilogue)) {
    ConvSpec fused = spec;
    fused.epilogue = task.epilogue;
    variants.push_back({"fused", fused, true});
  }
  variants.push_back({"plain", spec, false});
  // Of halves, only an engine that is compiled at run time, and does not split the batch, gives a gradient in f32. The
  // others round it to the half, once, after summing in f32.
  if (!task.plain && task.pass == ConvPass::weightGradient && isHalf(task.images)) {
    ConvSpec exact = spec;
    exact.weights = CUDNN_DATA_FLOAT;
    variants.push_back({"f32dw", exact, false});
  }
  return variants;
}

}  // namespace saturnn
