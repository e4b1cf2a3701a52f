// The launcher of kernels/scaling.cu that takes a struct, for scaling.cc.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace saturnn::cuda {

// The numbers of shared/loss_scale.h, one each.
struct UnscaleStep {
  const float* loss;
  const int32_t* overflow;
  const float* scaledNorm;
  const float* scale;
  float limit;
  int32_t* halt;
  float* norm;
  float* factor;
};
void launchUnscale(const UnscaleStep& step, cudaStream_t stream);

}  // namespace saturnn::cuda
