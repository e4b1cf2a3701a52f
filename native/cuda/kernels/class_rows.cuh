// Rows of logits: a warp each, or a block each where rows are long. Lane `threadIdx.x` of a row takes every Lanes-th
// class; what the lanes found is put together in a fixed tree that gives every lane the same bits.
#pragma once

#include "rows.cuh"

namespace saturnn {

constexpr int kWarp = 32;
constexpr int kLongRow = 2048;    // classes from which a row has a block
constexpr int kClassBlocks = 528;  // at most: each counts all labels, or takes row after row

// A value per lane, put together for all lanes of the row. Every thread of the block must come here.
template <int Lanes, class Value, class Combine>
__device__ __forceinline__ Value overRow(Value value, Combine combine) {
#pragma unroll
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    value = combine(value, __shfl_xor_sync(0xffffffffu, value, distance));
  }
  if constexpr (Lanes > kWarp) {
    static_assert(Lanes == kThreads, "a warp or a block per row");
    __shared__ Value shared[Lanes / kWarp];
    if (threadIdx.x % kWarp == 0) shared[threadIdx.x / kWarp] = value;
    __syncthreads();
    value = shared[0];
    for (int warp = 1; warp < Lanes / kWarp; ++warp) value = combine(value, shared[warp]);
    __syncthreads();  // before the next use of `shared`
  }
  return value;
}

struct Sum {
  template <class Value>
  __device__ __forceinline__ Value operator()(Value a, Value b) const {
    return a + b;
  }
};

// NaN only if all values are.
struct LargestNumber {
  __device__ __forceinline__ float operator()(float a, float b) const { return b > a || a != a ? b : a; }
};

// The row that this thread works on first; `rowsPerStep` further comes the next.
template <int Lanes>
__device__ __forceinline__ int64_t firstRow() {
  return int64_t{blockIdx.x} * (kThreads / Lanes) + threadIdx.y;
}
template <int Lanes>
__device__ __forceinline__ int64_t rowsPerStep() {
  return int64_t{gridDim.x} * (kThreads / Lanes);
}

// function(lanes as an integral constant, grid, block)
template <class Function>
void withLanes(const Classification& batch, Function&& function) {
  const auto run = [&](auto lanes) {
    constexpr int kLanes = decltype(lanes)::value;
    const int64_t blocks = std::min<int64_t>(kClassBlocks, ceilDivide(batch.rows, kThreads / kLanes));
    function(lanes, dim3(static_cast<unsigned>(blocks)), dim3(kLanes, kThreads / kLanes));
  };
  if (batch.classes < kLongRow) {
    run(std::integral_constant<int, kWarp>{});
  } else {
    run(std::integral_constant<int, kThreads>{});
  }
}

}  // namespace saturnn
