// How long candidates for a convolution take on the device.
#pragma once

#include "cuda/convolution/conv_runner.h"

namespace saturnn::cuda {

// Milliseconds of each, with all that it stages and the epilogue: the median of several runs with cold caches, on
// memory of its own, which is freed before it returns. Negative for one that fails; empty if there is too little memory.
std::vector<double> timeRunners(SnDevice& device, const ConvTask& task,
                                const std::vector<std::unique_ptr<ConvRunner>>& runners);

}  // namespace saturnn::cuda
