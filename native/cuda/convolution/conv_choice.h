// Chooses the plan of a convolution: the first that cuDNN's heuristics propose, or the fastest of several that are
// timed on the device.
#pragma once

#include <memory>

#include "cuda/convolution/conv_runner.h"

namespace saturnn::cuda {

// With `autotune`, candidates are timed, once per process for equal tasks, or not at all if the cache folder has the
// choice. Throws ERR_CUDNN, with the message of each candidate, if there is no plan.
std::unique_ptr<ConvRunner> chooseRunner(SnDevice& device, const ConvTask& task, bool autotune);

}  // namespace saturnn::cuda
