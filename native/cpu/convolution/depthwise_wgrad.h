// The gradient of the weights of a depthwise convolution, for images that oneDNN computes as one matrix product per
// channel: those that are not wider than the kernel, among others.
#pragma once

#include "cpu/kernel.h"
#include "ops/attributes/convolution.h"

namespace saturnn::cpu {

// Whether a conv2dWgrad, whose operands are valid, is depthwise: each channel of y reads one channel of x.
bool isDepthwise(const SnOpDesc& op);

std::unique_ptr<Kernel> createDepthwiseWgrad(const SnOpDesc& op, Device& device);

}  // namespace saturnn::cpu
