// Launchers of kernels/randomized_relu.cu, for randomized_relu.cc.
#pragma once

#include "cuda/kernels/common/rows.h"

namespace saturnn::cuda {

// Slopes are lower + scale times 24 random bits. counter = {seed, step}. A null bias is 0; a null dbias
// is not computed. y may be x, and dx may be dy. `partials` holds kSumBlocks * channels floats.
struct SlopeRange {
  const uint32_t* counter;
  int32_t stream;
  float lower, scale;
};
void launchRandomizedRelu(ConstRows x, const float* bias, const SlopeRange& range, Rows y, int64_t rows,
                          int64_t channels, cudaStream_t stream);
void launchRandomizedReluGradient(ConstRows dy, ConstRows y, const SlopeRange& range, Rows dx, float* dbias,
                                  float* partials, int64_t rows, int64_t channels, cudaStream_t stream);

}  // namespace saturnn::cuda
