// The gradient of batch normalisation, with v = 1 / sqrt(variance + epsilon) and n rows:
//
//   dshift = sum dy,  dscale = v sum dy (x - mean)
//   dx = scale v (dy - dshift / n - (x - mean) v dscale / n)      with the statistics of x itself
//   dx = scale v dy                                               with given ones (frozen)
//
// Two passes over dy and x; dx may be dy. The mean, rounded to f32, is not exact enough if it is many deviations from
// 0: so it is only a pivot, and the sum of x - pivot corrects it.
#include "cuda/kernels/common/double_sums.cuh"
#include "cuda/kernels/normalization.h"

namespace saturnn::cuda {
namespace {

// Sums of x - mean (not if frozen), of dy, and of dy (x - mean). 16-byte loads only: it stores sums, once per block.
template <class T, bool Frozen, int Width>
__global__ void __launch_bounds__(kThreads, 2)
    gradientMoments(View<const T> dy, View<const T> x, const float* __restrict__ mean, double* __restrict__ partials,
                    int64_t rows, int columns) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  const bool inside = column < columns;
  double sum[Width] = {}, gradient[Width] = {}, product[Width] = {};
  float pivot[Width];
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) pivot[lane] = inside ? mean[column * Width + lane] : 0.0f;
  const int64_t rowsPerStep = int64_t{gridDim.x} * blockDim.y * kUnroll;
  for (int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y; inside && first < rows;
       first += rowsPerStep) {
    Packed<T, Width> gradients[kUnroll], values[kUnroll];
#pragma unroll
    for (int i = 0; i < kUnroll; ++i) {
      const int64_t row = first + i * blockDim.y;
      if (row >= rows) continue;
      gradients[i] = loadPacked<Width>(dy.data + row * dy.stride + column * Width);
      values[i] = loadPacked<Width>(x.data + row * x.stride + column * Width);
    }
#pragma unroll
    for (int i = 0; i < kUnroll; ++i) {
      if (first + i * blockDim.y >= rows) continue;
      const Vector<Width> slope = unpack(gradients[i]), value = unpack(values[i]);
#pragma unroll
      for (int lane = 0; lane < Width; ++lane) {
        const double difference = double{value.lane[lane]} - pivot[lane];
        if constexpr (!Frozen) sum[lane] += difference;
        gradient[lane] += slope.lane[lane];
        product[lane] += slope.lane[lane] * difference;
      }
    }
  }
  constexpr int kKinds = Frozen ? 2 : 3;
  storeDoubleSums(gradient, 0, kKinds, partials, column, columns);
  storeDoubleSums(product, 1, kKinds, partials, column, columns);
  if constexpr (!Frozen) storeDoubleSums(sum, 2, kKinds, partials, column, columns);
}

// dx = ofDy dy + ((x - mean) - rest) factor + shift
struct Coefficients {
  float *rest, *ofDy, *factor, *shift;
};

struct Totals {
  const double* partials;
  const float *variance, *scale;
  float *dscale, *dshift;  // or null
  Coefficients by;
  double count;
  float epsilon;
  int blocks, channels;
};

template <bool Frozen>
__global__ void __launch_bounds__(kThreads) finishGradient(const __grid_constant__ Totals t) {
  constexpr int kKinds = Frozen ? 2 : 3;
  const int channel = blockIdx.x * kWarps + threadIdx.x / kWarp;
  if (channel >= t.channels) return;
  const double* partials = t.partials + int64_t{channel} * kKinds * t.blocks;
  const double gradient = sumOfPartials(partials, t.blocks);
  const double product = sumOfPartials(partials + t.blocks, t.blocks);
  const double rest = Frozen ? 0.0 : sumOfPartials(partials + (kKinds - 1) * t.blocks, t.blocks) / t.count;
  if (threadIdx.x % kWarp != 0) return;
  const double inverseDeviation = 1.0 / sqrt(double{t.variance[channel]} + t.epsilon);
  const double ofScale = inverseDeviation * (product - rest * gradient);
  if (t.dscale) t.dscale[channel] = static_cast<float>(ofScale);
  if (t.dshift) t.dshift[channel] = static_cast<float>(gradient);
  if constexpr (!Frozen) {
    const double ofDy = t.scale[channel] * inverseDeviation;
    t.by.rest[channel] = static_cast<float>(rest);
    t.by.ofDy[channel] = static_cast<float>(ofDy);
    t.by.factor[channel] = static_cast<float>(-ofDy * inverseDeviation * ofScale / t.count);
    t.by.shift[channel] = static_cast<float>(-ofDy * gradient / t.count);
  }
}

template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    normalizeGradient(View<const T> dy, View<const T> x, const float* __restrict__ mean, const Coefficients by,
                      View<T> dx, int64_t rows, int columns) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  const int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y;
  Packed<T, Width> gradients[kUnroll], values[kUnroll];
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row >= rows) continue;
    gradients[i] = loadPacked<Width>(dy.data + row * dy.stride + column * Width);
    values[i] = loadPacked<Width>(x.data + row * x.stride + column * Width);
  }
  float pivot[Width], rest[Width], ofDy[Width], factor[Width], shift[Width];
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) {
    const int channel = column * Width + lane;
    pivot[lane] = mean[channel];
    rest[lane] = by.rest[channel];
    ofDy[lane] = by.ofDy[channel];
    factor[lane] = by.factor[channel];
    shift[lane] = by.shift[channel];
  }
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row >= rows) return;
    Vector<Width> result = unpack(gradients[i]);
    const Vector<Width> value = unpack(values[i]);
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) {
      const float ofX = ((value.lane[lane] - pivot[lane]) - rest[lane]) * factor[lane] + shift[lane];
      result.lane[lane] = result.lane[lane] * ofDy[lane] + ofX;
    }
    store<Width>(dx.data + row * dx.stride + column * Width, result);
  }
}

// If frozen, x is not read, because dx must not depend on it: it may not be finite.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    scaleGradient(View<const T> dy, const float* __restrict__ variance, const float* __restrict__ scale, float epsilon,
                  View<T> dx, int64_t rows, int columns) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  const int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y;
  Packed<T, Width> gradients[kUnroll];
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row < rows) gradients[i] = loadPacked<Width>(dy.data + row * dy.stride + column * Width);
  }
  float factor[Width];
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) {
    factor[lane] = scale[column * Width + lane] / sqrtf(variance[column * Width + lane] + epsilon);
  }
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row >= rows) return;
    Vector<Width> result = unpack(gradients[i]);
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) result.lane[lane] *= factor[lane];
    store<Width>(dx.data + row * dx.stride + column * Width, result);
  }
}

Coefficients coefficientsIn(void* scratch, int64_t channels) {
  auto* first = reinterpret_cast<float*>(static_cast<double*>(scratch) + 3 * mostPartials(channels));
  return {first, first + channels, first + 2 * channels, first + 3 * channels};
}

template <class T, bool Frozen>
void runSums(const BatchNormGradientProblem& p, double* partials, const Coefficients& by, cudaStream_t stream) {
  constexpr int kWidth = kVectorWidth<T>;
  const bool vectors = p.channels % kWidth == 0 && allowsVectors(p.dy) && allowsVectors(p.x);
  const Tiling tiling = tileForSums(p.rows, p.channels, vectors ? kWidth : 1);
  launch("gradientMoments", vectors ? gradientMoments<T, Frozen, kWidth> : gradientMoments<T, Frozen, 1>, tiling.grid(),
         tiling.block, stream, viewOf<T>(p.dy), viewOf<T>(p.x), p.mean, partials, p.rows, tiling.columns);
  Totals totals{};
  totals.partials = partials;
  totals.variance = p.variance;
  totals.scale = p.scale;
  totals.dscale = p.dscale;
  totals.dshift = p.dshift;
  totals.by = by;
  totals.count = static_cast<double>(p.rows);
  totals.epsilon = p.epsilon;
  totals.blocks = static_cast<int>(tiling.rowTiles);
  totals.channels = static_cast<int>(p.channels);
  launch("finishGradient", finishGradient<Frozen>, static_cast<unsigned>(ceilDivide(p.channels, kWarps)), kThreads,
         stream, totals);
}

}  // namespace

int64_t batchNormGradientScratch(int64_t channels) {
  return 4 * channels * int64_t{sizeof(float)} + 3 * mostPartials(channels) * int64_t{sizeof(double)};
}

void launchBatchNormGradient(const BatchNormGradientProblem& p, void* scratch, cudaStream_t stream) {
  if (p.rows == 0 || p.channels == 0) return;
  auto* partials = static_cast<double*>(scratch);
  const Coefficients by = coefficientsIn(scratch, p.channels);
  withStorage(p.x.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const bool vectors = p.channels % kWidth == 0 && allowsVectors(p.dy) && allowsVectors(p.dx);
    if (p.frozen) {
      if (p.dscale || p.dshift) runSums<T, true>(p, partials, by, stream);
      const Tiling tiling = tile(p.rows, p.channels, vectors ? kWidth : 1);
      launch("scaleGradient", vectors ? scaleGradient<T, kWidth> : scaleGradient<T, 1>, tiling.grid(), tiling.block,
             stream, viewOf<T>(p.dy), p.variance, p.scale, p.epsilon, viewOf<T>(p.dx), p.rows, tiling.columns);
      return;
    }
    runSums<T, false>(p, partials, by, stream);
    const bool allVectors = vectors && allowsVectors(p.x);
    const Tiling tiling = tile(p.rows, p.channels, allVectors ? kWidth : 1);
    launch("normalizeGradient", allVectors ? normalizeGradient<T, kWidth> : normalizeGradient<T, 1>, tiling.grid(),
           tiling.block, stream, viewOf<T>(p.dy), viewOf<T>(p.x), p.mean, by, viewOf<T>(p.dx), p.rows, tiling.columns);
  });
}

}  // namespace saturnn::cuda
