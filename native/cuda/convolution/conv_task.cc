// See conv_task.h.
#include "cuda/convolution/conv_task.h"

#include <algorithm>
#include <optional>

#include "shared/error.h"

namespace saturnn::cuda {
namespace {

// Number of candidates to time. A plan that is compiled at run time takes 0.2 to 0.6 s to make, another a millisecond.
constexpr size_t kMostPlain = 6;
constexpr size_t kMostCompiled = 2;

// Tensor cores read 16 bytes of channels at a time. For other channel counts cuDNN's plain engines repack both images
// into their workspace, with kernels slower than ours, and the fused ones use a slower engine (7) instead of the good
// one (4). For 4 channels of f32 the first plan still repacks. So a count that is not a multiple of 8 (of 4 for f32,
// but at least 8) is padded with zeros here. In our networks only the input image is: 3 channels become 8.
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

// Returns `spec` with the epilogue that a plan can fuse, or none. With padded channels nothing is fused: the plan would
// read beyond the bias or the activated image, and the pass that removes the padding can do the rest. Nor is a depthwise
// data gradient: cuDNN 9.24 proposes one engine for it, which takes seconds and then fails to compile.
std::optional<ConvSpec> fusedSpec(const ConvTask& task, ConvSpec spec) {
  const bool isForward = task.pass == ConvPass::forward;
  const bool isDepthwise = task.problem.groups > 1 && task.problem.inputs() == 1;
  if (isDepthwise && !isForward) return std::nullopt;
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

// The gradient of f32 weights is f32, but for half images it is computed as a half and then converted: summed in f32
// and rounded once, as under autocast in other frameworks. cuDNN's only engines that take halves and give f32 are
// compiled at run time and two to four times slower: on an H100, 3.5 of the 7.9 ms of a step of inception33 at batch
// 128 in bf16.
std::vector<ConvVariant> variantsOf(const ConvTask& task) {
  ConvSpec spec{task.problem, task.pass, typeOf(task.images), typeOf(task.images), {}};
  // Channels that are added at the end would change which channels the groups have.
  if (task.usesTensorCores() && task.problem.groups == 1) {
    spec.problem.c = padded(task.problem.c, spec.images);
    spec.problem.o = padded(task.problem.o, spec.images);
  }
  std::vector<ConvVariant> variants = {{"plain", spec}};
  if (const auto fused = fusedSpec(task, spec)) {
    // A fused forward pass saves two passes over y. A fused data gradient with a sum saves one of four, but cannot use
    // the engine that is fastest for the convolution, so it is only used if timing shows that it is faster.
    const bool isPreferred = task.pass == ConvPass::forward;
    variants.insert(isPreferred ? variants.begin() : variants.end(), {"fused", *fused});
  }
  return variants;
}

std::vector<ConvPlan> severalPlans(const GraphTarget& target, const ConvTask& task, const ConvVariant& variant) {
  return ConvPlan::several(target, variant.spec, task.policy(), variant.isFused() ? kMostCompiled : kMostPlain);
}

}  // namespace saturnn::cuda
