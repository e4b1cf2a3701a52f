// Batch normalisation, y = (x - mean) scale / sqrt(variance + epsilon) + shift: with the statistics of x in two passes
// over x, or with given statistics in one.
#include "cuda/kernels/common/double_sums.cuh"
#include "cuda/kernels/normalization.h"

namespace saturnn::cuda {
namespace {

// Numbers per channel. With given statistics `rest` is the variance and `factor` the scale. Else factor = scale /
// sqrt(variance + epsilon), and the mean is mean + rest, because f32 alone is not exact enough if it is many deviations
// from 0.
struct Numbers {
  const float *mean, *rest, *factor, *shift;
  float epsilon;
};

// The pivot is the first row: close enough to the mean, and the same in every run.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads, 2)
    channelMoments(View<const T> x, float* __restrict__ pivots, double* __restrict__ partials, int64_t rows,
                   int columns) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  const bool inside = column < columns;
  double sum[Width] = {}, squares[Width] = {};
  if (inside) {
    const Vector<Width> pivot = load<Width>(x.data + column * Width);
    if (blockIdx.x == 0 && threadIdx.y == 0) store<Width>(pivots + column * Width, pivot);
    const int64_t rowsPerStep = int64_t{gridDim.x} * blockDim.y * kUnroll;
    for (int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y; first < rows;
         first += rowsPerStep) {
      Packed<T, Width> values[kUnroll];
#pragma unroll
      for (int i = 0; i < kUnroll; ++i) {
        const int64_t row = first + i * blockDim.y;
        if (row < rows) values[i] = loadPacked<Width>(x.data + row * x.stride + column * Width);
      }
#pragma unroll
      for (int i = 0; i < kUnroll; ++i) {
        if (first + i * blockDim.y >= rows) continue;
        const Vector<Width> value = unpack(values[i]);
#pragma unroll
        for (int lane = 0; lane < Width; ++lane) {
          const double difference = double{value.lane[lane]} - pivot.lane[lane];
          sum[lane] += difference;
          squares[lane] += difference * difference;
        }
      }
    }
  }
  storeDoubleSums(sum, 0, 2, partials, column, columns);
  storeDoubleSums(squares, 1, 2, partials, column, columns);
}

struct Statistics {
  const double* partials;
  float *pivots, *rest, *factor;  // the mean overwrites the pivot
  const float* scale;
  float *mean, *variance;  // the op's outputs, or null
  double count;
  float epsilon;
  int blocks, channels;
};

__global__ void __launch_bounds__(kThreads) finishMoments(const __grid_constant__ Statistics s) {
  const int channel = blockIdx.x * kWarps + threadIdx.x / kWarp;
  if (channel >= s.channels) return;
  const double* partials = s.partials + int64_t{channel} * 2 * s.blocks;
  const double fromPivot = sumOfPartials(partials, s.blocks) / s.count;
  const double spread = sumOfPartials(partials + s.blocks, s.blocks) / s.count - fromPivot * fromPivot;
  if (threadIdx.x % kWarp != 0) return;
  const double variance = spread < 0.0 ? 0.0 : spread;  // a comparison that keeps NaN
  const double wholeMean = s.pivots[channel] + fromPivot;
  const float mean = static_cast<float>(wholeMean);
  s.pivots[channel] = mean;
  s.rest[channel] = static_cast<float>(wholeMean - mean);
  s.factor[channel] = static_cast<float>(s.scale[channel] / sqrt(variance + s.epsilon));
  if (s.mean) s.mean[channel] = mean;
  if (s.variance) s.variance[channel] = static_cast<float>(variance);
}

// y may be x.
template <class T, bool Given, int Width>
__global__ void __launch_bounds__(kThreads)
    normalize(View<const T> x, const __grid_constant__ Numbers by, View<T> y, int64_t rows, int columns) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  const int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y;
  Packed<T, Width> values[kUnroll];
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row < rows) values[i] = loadPacked<Width>(x.data + row * x.stride + column * Width);
  }
  float mean[Width], rest[Width], factor[Width], shift[Width];
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) {
    const int channel = column * Width + lane;
    mean[lane] = by.mean[channel];
    rest[lane] = Given ? 0.0f : by.rest[channel];
    factor[lane] = by.factor[channel];
    if constexpr (Given) factor[lane] /= sqrtf(by.rest[channel] + by.epsilon);
    shift[lane] = by.shift[channel];
  }
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row >= rows) return;
    Vector<Width> value = unpack(values[i]);
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) {
      value.lane[lane] = ((value.lane[lane] - mean[lane]) - rest[lane]) * factor[lane] + shift[lane];
    }
    store<Width>(y.data + row * y.stride + column * Width, value);
  }
}

template <bool Given>
void runNormalize(ConstRows x, const Numbers& by, Rows y, int64_t rows, int64_t channels, cudaStream_t stream) {
  const bool vectors = channels % vectorWidth(x.dtype) == 0 && allowsVectors(x) && allowsVectors(y);
  withStorage(x.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const Tiling tiling = tile(rows, channels, vectors ? kWidth : 1);
    launch("normalize", vectors ? normalize<T, Given, kWidth> : normalize<T, Given, 1>, tiling.grid(), tiling.block,
           stream, viewOf<T>(x), by, viewOf<T>(y), rows, tiling.columns);
  });
}

}  // namespace

int64_t batchNormScratch(int64_t channels) {
  return 3 * channels * int64_t{sizeof(float)} + 2 * mostPartials(channels) * int64_t{sizeof(double)};
}

void launchBatchNorm(const BatchNormProblem& p, void* scratch, cudaStream_t stream) {
  if (p.rows == 0 || p.channels == 0) return;
  auto* partials = static_cast<double*>(scratch);
  auto* pivots = reinterpret_cast<float*>(partials + 2 * mostPartials(p.channels));
  float* rest = pivots + p.channels;
  float* factor = rest + p.channels;
  const bool vectors = p.channels % vectorWidth(p.x.dtype) == 0 && allowsVectors(p.x);
  withStorage(p.x.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const Tiling tiling = tileForSums(p.rows, p.channels, vectors ? kWidth : 1);
    launch("channelMoments", vectors ? channelMoments<T, kWidth> : channelMoments<T, 1>, tiling.grid(), tiling.block,
           stream, viewOf<T>(p.x), pivots, partials, p.rows, tiling.columns);
    const Statistics statistics{partials,
                                pivots,
                                rest,
                                factor,
                                p.scale,
                                p.mean,
                                p.variance,
                                static_cast<double>(p.rows),
                                p.epsilon,
                                static_cast<int>(tiling.rowTiles),
                                static_cast<int>(p.channels)};
    launch("finishMoments", finishMoments, static_cast<unsigned>(ceilDivide(p.channels, kWarps)), kThreads, stream,
           statistics);
  });
  runNormalize<false>(p.x, {pivots, rest, factor, p.shift, p.epsilon}, p.y, p.rows, p.channels, stream);
}

void launchBatchNormInference(ConstRows x, const GivenStatistics& given, Rows y, int64_t rows, int64_t channels,
                              cudaStream_t stream) {
  if (rows == 0 || channels == 0) return;
  const Numbers by{given.mean, given.variance, given.scale, given.shift, given.epsilon};
  runNormalize<true>(x, by, y, rows, channels, stream);
}

}  // namespace saturnn::cuda
