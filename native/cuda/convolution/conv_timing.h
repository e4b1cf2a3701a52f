// Measures the time of candidates for a convolution on the device.
#pragma once

#include "cuda/convolution/conv_runner.h"

namespace saturnn::cuda {

// Returns the milliseconds of each, including its copies and the epilogue: the median of several runs with cold caches,
// on separate memory that is freed at the end. Negative for a candidate that fails; empty if there is too little
// memory.
std::vector<double> timeRunners(SnDevice& device, const ConvTask& task,
                                const std::vector<std::unique_ptr<ConvRunner>>& runners);

}  // namespace saturnn::cuda
