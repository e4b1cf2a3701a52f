// y = x + bias, multiplied by a random slope for each element below 0 (RReLU, arXiv:1505.00853, in training), and the
// gradient, which draws the same slopes again and computes the bias gradient in the same pass. Nothing is stored.
#include "cuda/kernels/common/column_sums.cuh"
#include "cuda/kernels/common/random.cuh"
#include "cuda/kernels/randomized_relu.h"

namespace saturnn::cuda {
namespace {

// 24 bits are exact in a float and give numbers below 1. An explicit fused multiply-add, so that both directions get
// the same slopes whatever the compiler chooses.
__device__ __forceinline__ float slopeOf(uint32_t number, float lower, float scale) {
  return fmaf(static_cast<float>(number >> 8), scale, lower);
}

// y may be x.
template <class T, bool HasBias, int Width>
__global__ void __launch_bounds__(kThreads)
    randomizedRelu(View<const T> x, const float* __restrict__ bias, const __grid_constant__ SlopeRange range, View<T> y,
                   int64_t rows, int columns) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  const int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y;
  Packed<T, Width> values[kUnroll];
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row < rows) values[i] = loadPacked<Width>(x.data + row * x.stride + column * Width);
  }
  float offset[Width];
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) offset[lane] = HasBias ? bias[column * Width + lane] : 0.0f;
  const RandomSource source = sourceOf(range.counter, range.stream);
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row >= rows) return;
    const RandomNumbers<Width> numbers = draw<randomizedReluKey, Width>(source, (row * columns + column) * Width);
    Vector<Width> value = unpack(values[i]);
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) {
      if constexpr (HasBias) value.lane[lane] += offset[lane];
      const float slope = slopeOf(numbers.lane[lane], range.lower, range.scale);
      if (value.lane[lane] < 0.0f) value.lane[lane] *= slope;
    }
    store<Width>(y.data + row * y.stride + column * Width, value);
  }
}

// dx may be dy.
template <class T, bool Sums, int Width>
__global__ void __launch_bounds__(kThreads)
    randomizedReluGradient(View<const T> dy, View<const T> y, const __grid_constant__ SlopeRange range, View<T> dx,
                           float* __restrict__ partials, int64_t rows, int columns) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  const bool inside = column < columns;
  Vector<Width> sum = {};
  const RandomSource source = sourceOf(range.counter, range.stream);
  const int64_t rowsPerStep = int64_t{gridDim.x} * blockDim.y * kUnroll;
  for (int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y; inside && first < rows;
       first += rowsPerStep) {
    Packed<T, Width> gradients[kUnroll], values[kUnroll];
#pragma unroll
    for (int i = 0; i < kUnroll; ++i) {
      const int64_t row = first + i * blockDim.y;
      if (row >= rows) continue;
      gradients[i] = loadPacked<Width>(dy.data + row * dy.stride + column * Width);
      values[i] = loadPacked<Width>(y.data + row * y.stride + column * Width);
    }
#pragma unroll
    for (int i = 0; i < kUnroll; ++i) {
      const int64_t row = first + i * blockDim.y;
      if (row >= rows) continue;
      const RandomNumbers<Width> numbers = draw<randomizedReluKey, Width>(source, (row * columns + column) * Width);
      Vector<Width> gradient = unpack(gradients[i]);
      const Vector<Width> value = unpack(values[i]);
#pragma unroll
      for (int lane = 0; lane < Width; ++lane) {
        const float output = value.lane[lane];
        const float slope = slopeOf(numbers.lane[lane], range.lower, range.scale);
        // A comparison alone would lose a NaN of y.
        gradient.lane[lane] *= output < 0.0f ? slope : output != output ? output : 1.0f;
        if constexpr (Sums) sum.lane[lane] += gradient.lane[lane];
      }
      store<Width>(dx.data + row * dx.stride + column * Width, gradient);
    }
  }
  if constexpr (Sums) storeColumnSums(sum, partials, column, columns);
}

}  // namespace

void launchRandomizedRelu(ConstRows x, const float* bias, const SlopeRange& range, Rows y, int64_t rows,
                          int64_t channels, cudaStream_t stream) {
  if (rows == 0 || channels == 0) return;
  if (!bias) flatten(rows, channels, x, y);
  const bool vectors = channels % vectorWidth(x.dtype) == 0 && allowsVectors(x) && allowsVectors(y);
  withStorage(x.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const Tiling tiling = tile(rows, channels, vectors ? kWidth : 1);
    const auto kernel = bias ? (vectors ? randomizedRelu<T, true, kWidth> : randomizedRelu<T, true, 1>)
                             : (vectors ? randomizedRelu<T, false, kWidth> : randomizedRelu<T, false, 1>);
    launch("randomizedRelu", kernel, tiling.grid(), tiling.block, stream, viewOf<T>(x), bias, range, viewOf<T>(y), rows,
           tiling.columns);
  });
}

void launchRandomizedReluGradient(ConstRows dy, ConstRows y, const SlopeRange& range, Rows dx, float* dbias,
                                  float* partials, int64_t rows, int64_t channels, cudaStream_t stream) {
  if (rows == 0 || channels == 0) return;
  if (!dbias) flatten(rows, channels, dy, y, dx);
  const bool vectors = channels % vectorWidth(dy.dtype) == 0 && allowsVectors(dy) && allowsVectors(y) &&
                       allowsVectors(dx) && isAligned(partials);
  withStorage(dy.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const Tiling tiling = tile(rows, channels, vectors ? kWidth : 1);
    const auto kernel =
        dbias ? (vectors ? randomizedReluGradient<T, true, kWidth> : randomizedReluGradient<T, true, 1>)
              : (vectors ? randomizedReluGradient<T, false, kWidth> : randomizedReluGradient<T, false, 1>);
    const dim3 grid = dbias ? sumGrid(tiling) : tiling.grid();
    launch("randomizedReluGradient", kernel, grid, tiling.block, stream, viewOf<T>(dy), viewOf<T>(y), range,
           viewOf<T>(dx), partials, rows, tiling.columns);
    if (dbias) launchColumnSums(partials, dbias, grid.x, channels, stream);
  });
}

}  // namespace saturnn::cuda
