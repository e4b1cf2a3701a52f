// What an op asks of a convolution, and the plans that could do it. Needs no GPU.
#pragma once

#include "../operands.h"
#include "conv_plan.h"

namespace saturnn {

struct ConvTask {
  ConvProblem problem;
  ConvPass pass;
  SnDType images = SN_F32;   // of x and y, or their gradients
  SnDType weights = SN_F32;  // f32, or that of the images
  ConvEpilogue epilogue;
  bool allowTf32 = false;
  bool deterministic = true;
  bool plain = false;  // nothing is compiled at run time

  bool usesTensorCores() const { return allowTf32 || isHalf(images); }
  ConvPolicy policy() const;
};

// One way to do a task: `spec` may differ from it in the number of channels (padded with zeros), in the dtype of the
// weights, and in what is left of the epilogue for another kernel.
struct ConvVariant {
  std::string name;  // "plain", "fused", "f32 dw": unique within a task
  ConvSpec spec;
  bool isFused = false;
};

// In the order of preference where nothing is timed.
std::vector<ConvVariant> variantsOf(const ConvTask& task);

}  // namespace saturnn
