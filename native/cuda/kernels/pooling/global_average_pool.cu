// The mean over all pixels of an image, and its gradient. A block computes some channels of one image. The order of its
// sum is fixed: pixel by pixel within a thread, then a tree over the threads of a channel.
#include "cuda/kernels/common/column_sums.cuh"
#include "cuda/kernels/pooling.h"

namespace saturnn::cuda {
namespace {

template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    globalAveragePool(View<const T> x, float* __restrict__ y, int64_t pixels, int columns, float scale) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  const bool inside = column < columns;
  const int64_t image = blockIdx.x;
  const T* from = x.data + image * pixels * x.stride + column * Width;
  Vector<Width> sum = {};
#pragma unroll 4
  for (int64_t pixel = threadIdx.y; inside && pixel < pixels; pixel += blockDim.y) {
    const Vector<Width> value = load<Width>(from + pixel * x.stride);
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) sum.lane[lane] += value.lane[lane];
  }

  sum = sumOfRows(sum);
  if (threadIdx.y != 0 || !inside) return;
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) sum.lane[lane] *= scale;
  store<Width>(y + (image * columns + column) * Width, sum);
}

template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    globalAveragePoolGradient(const float* __restrict__ dy, View<T> dx, int64_t batch, int64_t pixels, int columns,
                              float scale) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  const int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y;
  for (int64_t image = blockIdx.z; image < batch; image += gridDim.z) {
    Vector<Width> value = load<Width>(dy + (image * columns + column) * Width);
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) value.lane[lane] *= scale;
#pragma unroll
    for (int i = 0; i < kUnroll; ++i) {
      const int64_t pixel = first + i * blockDim.y;
      if (pixel < pixels) store<Width>(dx.data + (image * pixels + pixel) * dx.stride + column * Width, value);
    }
  }
}

}  // namespace

void launchGlobalAveragePool(ConstRows x, float* y, int64_t batch, int64_t pixels, int64_t channels,
                             cudaStream_t stream) {
  const bool vectors = channels % vectorWidth(x.dtype) == 0 && allowsVectors(x) && isAligned(y);
  withStorage(x.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const Tiling tiling = tile(pixels, channels, vectors ? kWidth : 1);
    const dim3 grid(static_cast<unsigned>(batch), static_cast<unsigned>(tiling.columnTiles));
    launch("globalAveragePool", vectors ? globalAveragePool<T, kWidth> : globalAveragePool<T, 1>, grid, tiling.block,
           stream, viewOf<T>(x), y, pixels, tiling.columns, 1.0f / static_cast<float>(pixels));
  });
}

void launchGlobalAveragePoolGradient(const float* dy, Rows dx, int64_t batch, int64_t pixels, int64_t channels,
                                     cudaStream_t stream) {
  const bool vectors = channels % vectorWidth(dx.dtype) == 0 && allowsVectors(dx) && isAligned(dy);
  withStorage(dx.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const Tiling tiling = tile(pixels, channels, vectors ? kWidth : 1);
    dim3 grid = tiling.grid();
    grid.z = static_cast<unsigned>(std::min<int64_t>(batch, 65535));
    launch("globalAveragePoolGradient",
           vectors ? globalAveragePoolGradient<T, kWidth> : globalAveragePoolGradient<T, 1>, grid, tiling.block, stream,
           dy, viewOf<T>(dx), batch, pixels, tiling.columns, 1.0f / static_cast<float>(pixels));
  });
}

}  // namespace saturnn::cuda
