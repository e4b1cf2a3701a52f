// See conv_task.h.
#include "conv_task.h"

#include <algorithm>
#include <optional>

#include "../error.h"

namespace saturnn {
namespace {

// To time. A plan that is compiled at run time takes 0.3 to 0.6 s to make, another a millisecond.
constexpr size_t kMostPlain = 6;
constexpr size_t kMostCompiled = 3;

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

// Of the batch: enough parts that about as many blocks as an H200 has multiprocessors share the work, each with several
// steps of its own; then half of that, and twice that.
std::vector<int64_t> splitsOf(const ConvProblem& p) {
  constexpr int64_t kTile = 128, kStep = 64, kFewestSteps = 4, kMultiprocessors = 132, kMostSplits = 128;
  const auto tiles = [](int64_t length) { return (length + kTile - 1) / kTile; };
  const int64_t wanted = kMultiprocessors / (tiles(p.o) * tiles(p.c) * p.kh * p.kw);
  const int64_t possible = p.n * p.oh * p.ow / (kStep * kFewestSteps);
  const int64_t best = std::clamp<int64_t>(std::min(wanted, possible), 1, kMostSplits);
  std::vector<int64_t> splits = {best};
  if (best > 1) splits.push_back(best / 2);
  if (2 * best <= std::min(possible, kMostSplits)) splits.push_back(2 * best);
  return splits;
}

EngineChoice withSplit(EngineChoice choice, int64_t split) {
  choice.knobs.emplace_back(CUDNN_KNOB_TYPE_SPLIT_K_SLC, split);
  std::sort(choice.knobs.begin(), choice.knobs.end());
  return choice;
}

// The gradient of f32 weights is f32, but of two halves only engines that are compiled at run time give one; all others
// would round it to the half. Without them, both images are made f32: TF32 then multiplies exactly what it would of
// halves, at half the speed, after two more passes.
std::vector<ConvVariant> halfWeightGradients(const ConvTask& task, const ConvSpec& spec) {
  std::vector<ConvVariant> variants;
  if (!task.plain) {
    ConvSpec exact = spec;
    exact.weights = CUDNN_DATA_FLOAT;
    variants.push_back({"f32dw", exact, true, false, splitsOf(exact.problem)});
  }
  ConvSpec wide = spec;
  wide.images = wide.weights = CUDNN_DATA_FLOAT;
  variants.push_back({"wide", wide, false, true, {}});
  return variants;
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

std::vector<ConvVariant> variantsOf(const ConvTask& task) {
  ConvSpec spec{task.problem, task.pass, typeOf(task.images), typeOf(task.images), {}};
  if (task.usesTensorCores()) {
    spec.problem.c = padded(task.problem.c, spec.images);
    spec.problem.o = padded(task.problem.o, spec.images);
  }
  if (task.pass == ConvPass::weightGradient && isHalf(task.images)) return halfWeightGradients(task, spec);
  std::vector<ConvVariant> variants = {{"plain", spec, false, false, {}}};
  if (const auto fused = fusedSpec(task, spec)) {
    // A fused forward pass saves two passes over y. A data gradient with a sum saves one of four, and leaves the engine
    // that is best at the convolution: that has to win by timing.
    const bool isPreferred = task.pass == ConvPass::forward;
    variants.insert(isPreferred ? variants.begin() : variants.end(), {"fused", *fused, true, false, {}});
  }
  return variants;
}

ConvPlan firstPlan(const GraphTarget& target, const ConvTask& task, const ConvVariant& variant) {
  ConvPlan plan = ConvPlan::first(target, variant.spec, task.policy());
  if (variant.splits.empty() || variant.splits[0] == 1) return plan;
  auto split = ConvPlan::again(target, variant.spec, task.policy(), withSplit(plan.choice(), variant.splits[0]));
  return split ? std::move(*split) : std::move(plan);
}

std::vector<ConvPlan> severalPlans(const GraphTarget& target, const ConvTask& task, const ConvVariant& variant) {
  const size_t most = variant.isCompiled ? kMostCompiled : kMostPlain;
  if (variant.splits.empty()) return ConvPlan::several(target, variant.spec, task.policy(), most);
  std::vector<ConvPlan> plans = ConvPlan::several(target, variant.spec, task.policy(), 1);
  if (plans.empty()) return plans;
  for (const int64_t split : variant.splits) {
    if (split == 1) continue;
    auto plan = ConvPlan::again(target, variant.spec, task.policy(), withSplit(plans[0].choice(), split));
    if (plan) plans.push_back(std::move(*plan));
  }
  return plans;
}

}  // namespace saturnn
