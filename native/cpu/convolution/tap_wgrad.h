// The gradient of the weights of a convolution of small images, of which most taps lie in the padding, as one matrix
// product per tap over the whole batch.
#pragma once

#include "cpu/kernel.h"

namespace saturnn::cpu {

struct Device;

// Returns the kernel of a conv2dWgrad whose operands are valid; null if it is not f32, has groups or large images, or if
// oneDNN has only its reference for one of the products.
std::unique_ptr<Kernel> createTapWgrad(const SnOpDesc& op, Device& device);

}  // namespace saturnn::cpu
