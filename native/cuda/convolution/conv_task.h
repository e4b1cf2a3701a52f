// The convolution that an op needs, and the plans that could compute it. Needs no GPU.
#pragma once

#include "cuda/convolution/conv_plan.h"
#include "shared/operands.h"

namespace saturnn::cuda {

struct ConvTask {
  ConvProblem problem;
  ConvPass pass;
  SnDType images = SN_F32;   // of x and y, or their gradients
  SnDType weights = SN_F32;  // f32, or that of the images
  ConvEpilogue epilogue;
  bool allowTf32 = false;
  bool deterministic = true;
  bool plain = false;  // no plans that are compiled at run time

  bool usesTensorCores() const { return allowTf32 || isHalf(images); }
  ConvPolicy policy() const;
  // Returns everything above in one line, equal for equal tasks.
  std::string text() const;
};

// One way to compute a task. `spec` may differ from it in the number of channels (padded with zeros), in the dtypes,
// and in the epilogue, whose rest another kernel computes. Fused plans are compiled at run time.
struct ConvVariant {
  std::string name;  // "plain", "fused": unique within a task
  ConvSpec spec;
  bool isFused() const { return !spec.epilogue.isEmpty(); }
};

// Returns the variants in the order of preference that is used without timing.
std::vector<ConvVariant> variantsOf(const ConvTask& task);

// Returns the candidates for timing; empty if there is none.
std::vector<ConvPlan> severalPlans(const GraphTarget& target, const ConvTask& task, const ConvVariant& variant);

}  // namespace saturnn::cuda
