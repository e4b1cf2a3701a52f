// The largest value over all pixels of an image, and its gradient. A block computes some channels of one image. Of equal
// values the first is the largest, and the first NaN is larger than all others, as on the CPU.
#include "cuda/kernels/common/rows.cuh"
#include "cuda/kernels/pooling.h"

namespace saturnn::cuda {
namespace {

template <int Width>
struct Largest {
  Vector<Width> value;
  int pixel[Width];
};

// Takes the values of `other` that are larger, or equal and of an earlier pixel.
template <int Width>
__device__ __forceinline__ void take(Largest<Width>& best, const Largest<Width>& other) {
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) {
    const float value = best.value.lane[lane], next = other.value.lane[lane];
    const bool isNaN = value != value, nextIsNaN = next != next;
    const bool isEqual = nextIsNaN ? isNaN : next == value;
    const bool isLarger = nextIsNaN ? !isNaN : next > value;
    const bool better = isLarger || (isEqual && other.pixel[lane] < best.pixel[lane]);
    best.value.lane[lane] = better ? next : value;
    best.pixel[lane] = better ? other.pixel[lane] : best.pixel[lane];
  }
}

// No block has more rows of threads than an image has pixels, so that every thread has a first pixel.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    globalMaxPool(View<const T> x, float* __restrict__ y, int32_t* __restrict__ indices, int pixels, int columns) {
  __shared__ Largest<Width> shared[kThreads];
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  const bool inside = column < columns;
  const int64_t image = blockIdx.x;
  const T* from = x.data + image * pixels * x.stride + column * Width;
  const int first = threadIdx.y, step = blockDim.y;
  Largest<Width> best{};
  for (int pixel = first; inside && pixel < pixels; pixel += step) {
    Largest<Width> next;
    next.value = load<Width>(from + pixel * x.stride);
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) next.pixel[lane] = pixel;
    if (pixel == first) best = next;
    take(best, next);
  }

  const int place = threadIdx.y * blockDim.x + threadIdx.x;
  shared[place] = best;
  for (int live = step; live > 1;) {
    const int half = (live + 1) / 2;
    __syncthreads();
    if (first + half < live) {
      take(best, shared[place + half * blockDim.x]);
      shared[place] = best;
    }
    live = half;
  }
  if (first != 0 || !inside) return;
  store<Width>(y + (image * columns + column) * Width, best.value);
  if (indices == nullptr) return;
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) indices[(image * columns + column) * Width + lane] = best.pixel[lane];
}

template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    globalMaxPoolGradient(const float* __restrict__ dy, const int32_t* __restrict__ indices, View<T> dx, int64_t batch,
                          int pixels, int columns) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  const int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y;
  for (int64_t image = blockIdx.z; image < batch; image += gridDim.z) {
    const Vector<Width> value = load<Width>(dy + (image * columns + column) * Width);
    int largest[Width];
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) largest[lane] = indices[(image * columns + column) * Width + lane];
#pragma unroll
    for (int i = 0; i < kUnroll; ++i) {
      const int64_t pixel = first + i * blockDim.y;
      if (pixel >= pixels) break;
      Vector<Width> own;
#pragma unroll
      for (int lane = 0; lane < Width; ++lane) own.lane[lane] = largest[lane] == pixel ? value.lane[lane] : 0.0f;
      store<Width>(dx.data + (image * pixels + pixel) * dx.stride + column * Width, own);
    }
  }
}

}  // namespace

void launchGlobalMaxPool(ConstRows x, float* y, int32_t* indices, int64_t batch, int64_t pixels, int64_t channels,
                         cudaStream_t stream) {
  const bool vectors = channels % vectorWidth(x.dtype) == 0 && allowsVectors(x) && isAligned(y);
  withStorage(x.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const Tiling tiling = tile(pixels, channels, vectors ? kWidth : 1);
    const dim3 grid(static_cast<unsigned>(batch), static_cast<unsigned>(tiling.columnTiles));
    launch("globalMaxPool", vectors ? globalMaxPool<T, kWidth> : globalMaxPool<T, 1>, grid, tiling.block, stream,
           viewOf<T>(x), y, indices, pixels, tiling.columns);
  });
}

void launchGlobalMaxPoolGradient(const float* dy, const int32_t* indices, Rows dx, int64_t batch, int64_t pixels,
                                 int64_t channels, cudaStream_t stream) {
  const bool vectors = channels % vectorWidth(dx.dtype) == 0 && allowsVectors(dx) && isAligned(dy);
  withStorage(dx.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const Tiling tiling = tile(pixels, channels, vectors ? kWidth : 1);
    dim3 grid = tiling.grid();
    grid.z = static_cast<unsigned>(std::min<int64_t>(batch, 65535));
    launch("globalMaxPoolGradient", vectors ? globalMaxPoolGradient<T, kWidth> : globalMaxPoolGradient<T, 1>, grid,
           tiling.block, stream, dy, indices, viewOf<T>(dx), batch, pixels, tiling.columns);
  });
}

}  // namespace saturnn::cuda
