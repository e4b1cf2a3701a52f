// Sums over the rows, one per channel, in f32: used at the end of a kernel whose threads have summed their own rows.
//
// The sum is the same in every run: the grid is fixed, each thread adds its rows in order, each block adds its threads
// in a fixed tree and writes its partial sums, and a second kernel adds these in a fixed order. No atomics.
#pragma once

#include "cuda/kernels/common/rows.cuh"
#include "cuda/kernels/common/sum_blocks.h"

namespace saturnn::cuda {

inline dim3 sumGrid(const Tiling& tiling) {
  const int64_t most = std::max(1, kSumBlocks / tiling.columnTiles);
  return dim3(static_cast<unsigned>(std::min(tiling.rowTiles, most)), static_cast<unsigned>(tiling.columnTiles));
}

// Returns the sum over the rows of this block, in a fixed tree; complete in the threads with threadIdx.y 0. Must be
// called by all threads.
template <int Width>
__device__ __forceinline__ Vector<Width> sumOfRows(Vector<Width> sum) {
  __shared__ Vector<Width> shared[kThreads];
  const int place = threadIdx.y * blockDim.x + threadIdx.x;
  shared[place] = sum;
  for (int live = blockDim.y; live > 1;) {
    const int half = (live + 1) / 2;
    __syncthreads();
    if (threadIdx.y + half < live) {
      const Vector<Width> other = shared[place + half * blockDim.x];
#pragma unroll
      for (int lane = 0; lane < Width; ++lane) sum.lane[lane] += other.lane[lane];
      shared[place] = sum;
    }
    live = half;
  }
  return sum;
}

// partials [gridDim.x, channels] = the sums of this block. Must be called by all its threads; those whose column is not
// below `columns` have no sum.
template <int Width>
__device__ __forceinline__ void storeColumnSums(Vector<Width> own, float* partials, int column, int columns) {
  const Vector<Width> sum = sumOfRows(own);
  if (threadIdx.y == 0 && column < columns) {
    store<Width>(partials + (int64_t{blockIdx.x} * columns + column) * Width, sum);
  }
}

// column_sums.cu: total [channels] = the sums of partials [blocks, channels].
void launchColumnSums(const float* partials, float* total, int64_t blocks, int64_t channels, cudaStream_t stream);

}  // namespace saturnn::cuda
