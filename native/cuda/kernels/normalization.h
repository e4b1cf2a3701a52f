// Launchers of kernels/normalization/ that take a struct, for normalization.cc.
#pragma once

#include "cuda/kernels/common/rows.h"

namespace saturnn::cuda {

// y = (x - mean) scale / sqrt(variance + epsilon) + shift. First with mean and variance of x, which are
// also written unless their pointers are null; the scratch must have batchNormScratch() bytes. y may be x.
struct BatchNormProblem {
  ConstRows x;
  Rows y;
  const float *scale, *shift;
  float *mean, *variance;
  float epsilon;
  int64_t rows, channels;
};
int64_t batchNormScratch(int64_t channels);
void launchBatchNorm(const BatchNormProblem& problem, void* scratch, cudaStream_t stream);

struct GivenStatistics {
  const float *mean, *variance, *scale, *shift;
  float epsilon;
};
void launchBatchNormInference(ConstRows x, const GivenStatistics& given, Rows y, int64_t rows, int64_t channels,
                              cudaStream_t stream);

// dscale and dshift are not computed if their pointers are null. dx may be dy. The scratch must have
// batchNormGradientScratch() bytes.
struct BatchNormGradientProblem {
  ConstRows dy, x;
  const float *mean, *variance, *scale;
  Rows dx;
  float *dscale, *dshift;
  float epsilon;
  bool frozen;
  int64_t rows, channels;
};
int64_t batchNormGradientScratch(int64_t channels);
void launchBatchNormGradient(const BatchNormGradientProblem& problem, void* scratch, cudaStream_t stream);

}  // namespace saturnn::cuda
