// The launcher of kernels/channels.cu, for channels.cc.
#pragma once

#include "cuda/kernels/common/rows.h"

namespace saturnn::cuda {

// y = the sum of `count` inputs, in their order. y may be the first input.
constexpr int kMostAddends = 8;
struct Addends {
  ConstRows inputs[kMostAddends];
};
void launchAdd(const Addends& addends, int count, Rows y, int64_t rows, int64_t channels, cudaStream_t stream);

}  // namespace saturnn::cuda
