// Which plan a convolution gets: the first that cuDNN's heuristics propose, or the fastest of several that were timed
// here on the device.
#pragma once

#include <memory>

#include "cuda/convolution/conv_runner.h"

namespace saturnn::cuda {

// autotune: candidates are timed, once per process for equal tasks, and not again where the cache folder knows the
// answer. Throws ERR_CUDNN, with what each candidate said, if there is no plan.
std::unique_ptr<ConvRunner> chooseRunner(SnDevice& device, const ConvTask& task, bool autotune);

}  // namespace saturnn::cuda
