// The sum over all threads of a block of kThreads x 1.
#pragma once

#include "cuda/kernels/common/rows.cuh"
#include "cuda/kernels/common/sum_blocks.h"

namespace saturnn::cuda {

// In a fixed tree; complete in thread 0. To be called by all threads of the block.
__device__ __forceinline__ double sumOfBlock(double value) {
  __shared__ double shared[kThreads];
  __syncthreads();  // an earlier call's values are read until here
  shared[threadIdx.x] = value;
#pragma unroll
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) shared[threadIdx.x] = value += shared[threadIdx.x + half];
  }
  return value;
}

}  // namespace saturnn::cuda
