// The weight gradient of depthwise convolutions, for those that oneDNN has no fast implementation of.
#pragma once

#include <memory>

#include "cpu/kernel.h"

namespace saturnn::cpu {

// Whether createDepthwiseWgrad() can make a kernel of this conv2dWgrad: as many groups as channels in both images, f32, and
// a kernel of at most 49 pixels. The operands must have been checked.
bool suitsDepthwiseWgrad(const SnOpDesc& op);

std::unique_ptr<Kernel> createDepthwiseWgrad(const SnOpDesc& op);

}  // namespace saturnn::cpu
