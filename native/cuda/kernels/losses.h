// Launchers of kernels/losses.cu, for losses.cc.
#pragma once

#include <cuda_runtime_api.h>

#include "shared/losses.h"

namespace saturnn::cuda {

// Predictions [rows, columns]. `target` (for `itself`), `labels` and `weights` may be null.
struct LossOperands {
  LossShape shape;
  const float *prediction, *target;
  const int32_t* labels;
  const float* weights;
};
// `partials` holds kSumBlocks doubles.
void launchElementLoss(const LossOperands& operands, float* loss, double* partials, cudaStream_t stream);
// `factor` holds one number.
void launchElementLossGradient(const LossOperands& operands, const float* dloss, float* dprediction, float* factor,
                               cudaStream_t stream);

}  // namespace saturnn::cuda
