// Sums over the rows, per channel, in double, for batch normalisation. Differences to a pivot near the mean are summed,
// so a channel whose mean is 100,000 times its deviation loses no accuracy in one pass over the data.
//
// As in column_sums.cuh, the sums are the same in every run. Blocks are at most 32 vectors wide, so that there are few
// below each other and the second kernel has little to read: partials [channels, kinds, blocks], one warp per channel.
#pragma once

#include "cuda/kernels/common/rows.cuh"
#include "cuda/kernels/common/sum_blocks.h"

namespace saturnn::cuda {

constexpr int kWarp = 32;
constexpr int kWarps = kThreads / kWarp;

inline Tiling tileForSums(int64_t rows, int64_t channels, int width) {
  Tiling tiling;
  const int64_t columns = channels / width, tiles = ceilDivide(columns, kWarp);
  if (tiles > 65535) throw Error("ERR_UNSUPPORTED", "a last dimension of " + std::to_string(channels) + " is too long");
  const int64_t blockColumns = ceilDivide(columns, tiles);
  const int64_t blockRows = std::max<int64_t>(1, std::min<int64_t>(kThreads / blockColumns, ceilDivide(rows, kUnroll)));
  tiling.columns = static_cast<int>(columns);
  tiling.columnTiles = static_cast<int>(tiles);
  tiling.block = dim3(static_cast<unsigned>(blockColumns), static_cast<unsigned>(blockRows));
  tiling.rowTiles = std::min(ceilDivide(rows, blockRows * kUnroll), std::max<int64_t>(1, kSumBlocks / tiles));
  return tiling;
}

// Largest number of partial sums of one kind in a block: for 32 vectors of at most 8 channels.
inline int64_t mostPartials(int64_t channels) {
  return std::max(channels, kSumBlocks * std::min<int64_t>(channels, kWarp * kVectorWidth<__half>));
}

// Writes sum `kind` of the block's columns to `partials`. Must be called by all threads of the block; those whose
// column is not below `columns` have no sums.
template <int Width>
__device__ __forceinline__ void storeDoubleSums(double (&sums)[Width], int kind, int kinds, double* partials,
                                                int column, int columns) {
  __shared__ double shared[Width][kThreads];
  const int place = threadIdx.y * blockDim.x + threadIdx.x;
  __syncthreads();  // the sums of an earlier call may still be being read
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) shared[lane][place] = sums[lane];
  for (int live = blockDim.y; live > 1;) {
    const int half = (live + 1) / 2;
    __syncthreads();
    if (threadIdx.y + half < live) {
#pragma unroll
      for (int lane = 0; lane < Width; ++lane) {
        shared[lane][place] = sums[lane] += shared[lane][place + half * blockDim.x];
      }
    }
    live = half;
  }
  if (threadIdx.y != 0 || column >= columns) return;
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) {
    partials[((int64_t{column} * Width + lane) * kinds + kind) * gridDim.x + blockIdx.x] = sums[lane];
  }
}

// Returns the sum over a warp, in a fixed tree, in every lane.
__device__ __forceinline__ double sumOfWarp(double sum) {
#pragma unroll
  for (int lanes = kWarp / 2; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, lanes);
  return sum;
}

// Returns the sum of partials [blocks], computed by a whole warp, in every lane.
__device__ __forceinline__ double sumOfPartials(const double* __restrict__ partials, int blocks) {
  double sum = 0.0;
#pragma unroll 4
  for (int block = threadIdx.x % kWarp; block < blocks; block += kWarp) sum += partials[block];
  return sumOfWarp(sum);
}

}  // namespace saturnn::cuda
