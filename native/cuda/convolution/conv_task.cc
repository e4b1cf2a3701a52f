// See conv_task.h.
#include "cuda/convolution/conv_task.h"

#include <algorithm>
#include <optional>

#include "shared/error.h"

namespace saturnn::cuda {
namespace {

// To time. A plan that is compiled at run time takes 0.2 to 0.6 s to make, another a millisecond.
constexpr size_t kMostPlain = 6;
constexpr size_t kMostCompiled = 2;

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

// `spec` with what of the epilogue a plan can do. A fused plan would read as many biases, or channels of the activated
// image, as it writes channels, and the pass that cuts off what was filled up does the rest anyway.
std::optional<ConvSpec> fusedSpec(const ConvTask& task, ConvSpec spec) {
  const bool isForward = task.pass == ConvPass::forward;
  const bool isWhole = isForward ? spec.problem.o == task.problem.o : spec.problem.c == task.problem.c;
  if (task.plain || !task.usesTensorCores() || !isWhole || !isFusible(task.epilogue)) return std::nullopt;
  spec.epilogue = task.epilogue;
  spec.epilogue.bias = isForward && task.epilogue.bias;
  return spec;
}

}  // namespace

ConvPolicy ConvTask::policy() const {
  ConvPolicy policy;
  policy.tensorCores = usesTensorCores();
  policy.deterministic = deterministic;
  return policy;
}

std::string ConvTask::text() const {
  const ConvSpec spec{problem, pass, typeOf(images), typeOf(weights), epilogue};
  return policy().text() + (plain ? " plain " : " ") + spec.text();
}

// The gradient of f32 weights is f32, but of halves it is computed as a half and then made f32: summed in f32, rounded
// once, as under autocast in other frameworks. cuDNN's only engines for halves that give f32 are compiled at run time, and
// take two to four times as long: on an H100, 3.5 of the 7.9 ms that a step of inception33 took at batch 128 in bf16.
std::vector<ConvVariant> variantsOf(const ConvTask& task) {
  ConvSpec spec{task.problem, task.pass, typeOf(task.images), typeOf(task.images), {}};
  if (task.usesTensorCores()) {
    spec.problem.c = padded(task.problem.c, spec.images);
    spec.problem.o = padded(task.problem.o, spec.images);
  }
  std::vector<ConvVariant> variants = {{"plain", spec}};
  if (const auto fused = fusedSpec(task, spec)) {
    // A fused forward pass saves two passes over y. A data gradient with a sum saves one of four, and leaves the engine
    // that is best at the convolution: that has to win by timing.
    const bool isPreferred = task.pass == ConvPass::forward;
    variants.insert(isPreferred ? variants.begin() : variants.end(), {"fused", *fused});
  }
  return variants;
}

std::vector<ConvPlan> severalPlans(const GraphTarget& target, const ConvTask& task, const ConvVariant& variant) {
  return ConvPlan::several(target, variant.spec, task.policy(), variant.isFused() ? kMostCompiled : kMostPlain);
}

}  // namespace saturnn::cuda
