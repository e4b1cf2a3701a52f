// The sum over all threads of a block of kThreads x 1 threads.
#pragma once

#include "cuda/kernels/common/rows.cuh"
#include "cuda/kernels/common/sum_blocks.h"

namespace saturnn::cuda {

// Returns the sum in a fixed tree; complete in thread 0. Must be called by all threads of the block.
__device__ __forceinline__ double sumOfBlock(double value) {
  __shared__ double shared[kThreads];
  __syncthreads();  // the values of an earlier call may still be being read
  shared[threadIdx.x] = value;
#pragma unroll
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) shared[threadIdx.x] = value += shared[threadIdx.x + half];
  }
  return value;
}

}  // namespace saturnn::cuda
