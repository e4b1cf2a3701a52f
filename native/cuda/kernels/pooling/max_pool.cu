// Max pooling, with the position of each maximum in its unclipped window, so that the gradient needs neither x nor y.
// If values are equal, the first in window order is the maximum, as on the CPU: saturated activations make ties
// frequent. The first NaN is the maximum.
#include "cuda/kernels/pooling/bytes.cuh"
#include "cuda/kernels/pooling/pool.cuh"

namespace saturnn::cuda {
namespace {

template <int Width>
struct Maximum {
  Vector<Width> value;
  int position[Width];
};

template <int Width>
__device__ __forceinline__ Maximum<Width> candidate(const Vector<Width>& value, int position) {
  Maximum<Width> maximum;
  maximum.value = value;
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) maximum.position[lane] = position;
  return maximum;
}

template <int Width>
__device__ __forceinline__ void take(Maximum<Width>& best, const Maximum<Width>& other) {
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) {
    const float value = best.value.lane[lane], next = other.value.lane[lane];
    const bool better = value == value && !(next <= value);  // larger, or the first NaN
    best.value.lane[lane] = better ? next : value;
    best.position[lane] = better ? other.position[lane] : best.position[lane];
  }
}

// Pixels outside the image are replaced by the nearest pixel of the window that is inside. This changes nothing,
// because it is the same pixel with the same position.
template <class T, int Width, int Kernel, int Stride, bool HasIndices>
__global__ void __launch_bounds__(kThreads)
    maxPool(const __grid_constant__ PoolShape shape, Image<const T> x, Image<T> y, Image<uint8_t> indices) {
  constexpr int kReadRows = (kPoolRows - 1) * Stride + Kernel;
  const PoolPlace place = poolPlace<Width>(shape, kPoolRows);
  if (place.channel >= shape.channels || place.column >= shape.outputWidth || place.row >= shape.outputHeight) return;
  const int top = place.row * Stride - shape.windows.padTop;
  const int left = place.column * Stride - shape.windows.padLeft;
  int pixel[Kernel];
#pragma unroll
  for (int k = 0; k < Kernel; ++k) pixel[k] = min(max(left + k, 0), shape.width - 1);

  for (int64_t n = blockIdx.z; n < shape.batch; n += gridDim.z) {
    Maximum<Width> best[kPoolRows];
#pragma unroll
    for (int r = 0; r < kReadRows; ++r) {
      const int row = min(max(top + r, 0), shape.height - 1);
      Packed<T, Width> packed[Kernel];
#pragma unroll
      for (int k = 0; k < Kernel; ++k) packed[k] = loadPacked<Width>(x.at(n, row, pixel[k], place.channel));
      // Counted from the top of this strip, so that windows that share the row share its maximum.
      const int position = (row - top) * Kernel - left;
      Maximum<Width> rowBest = candidate(unpack(packed[0]), position + pixel[0]);
#pragma unroll
      for (int k = 1; k < Kernel; ++k) take(rowBest, candidate(unpack(packed[k]), position + pixel[k]));
#pragma unroll
      for (int i = 0; i < kPoolRows; ++i) {
        if (r == i * Stride) {
          best[i] = rowBest;
        } else if (r > i * Stride && r < i * Stride + Kernel) {
          take(best[i], rowBest);
        }
      }
      if (r < Kernel - 1 || (r - Kernel + 1) % Stride != 0) continue;
      const int done = (r - Kernel + 1) / Stride;
      store<Width>(y.at(n, place.row + done, place.column, place.channel), best[done].value);
      if constexpr (HasIndices) {
#pragma unroll
        for (int lane = 0; lane < Width; ++lane) best[done].position[lane] -= done * Stride * Kernel;
        storeBytes<Width>(indices.at(n, place.row + done, place.column, place.channel), best[done].position);
      }
      if (place.row + done + 1 == shape.outputHeight) break;
    }
  }
}

// Unsigned, because the number of a pixel may exceed an int in a window of more than 256 pixels, which has no indices.
__device__ __forceinline__ int positionOf(int row, int column, int kernelW) {
  return static_cast<int>(static_cast<unsigned>(row) * static_cast<unsigned>(kernelW) + static_cast<unsigned>(column));
}

// The kernel for windows of any size. `indices.data` may be null.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    maxPoolAny(const __grid_constant__ PoolShape shape, Image<const T> x, Image<T> y, Image<uint8_t> indices) {
  const PoolPlace place = poolPlace<Width>(shape, 1);
  if (place.channel >= shape.channels || place.column >= shape.outputWidth || place.row >= shape.outputHeight) return;
  const PoolWindows& w = shape.windows;
  const Span rows = windowOf(place.row, w.kernelH, w.strideH, w.padTop, shape.height);
  const Span pixels = windowOf(place.column, w.kernelW, w.strideW, w.padLeft, shape.width);
  const int top = place.row * w.strideH - w.padTop;
  const int left = place.column * w.strideW - w.padLeft;

  for (int64_t n = blockIdx.z; n < shape.batch; n += gridDim.z) {
    const int first = positionOf(rows.begin - top, pixels.begin - left, w.kernelW);
    Maximum<Width> best = candidate(load<Width>(x.at(n, rows.begin, pixels.begin, place.channel)), first);
    for (int row = rows.begin; row < rows.end; ++row) {
      for (int pixel = pixels.begin; pixel < pixels.end; ++pixel) {
        const int position = positionOf(row - top, pixel - left, w.kernelW);
        take(best, candidate(load<Width>(x.at(n, row, pixel, place.channel)), position));
      }
    }
    store<Width>(y.at(n, place.row, place.column, place.channel), best.value);
    if (indices.data) storeBytes<Width>(indices.at(n, place.row, place.column, place.channel), best.position);
  }
}

}  // namespace

void launchMaxPool(const PoolShape& shape, ConstRows x, Rows y, uint8_t* indices, cudaStream_t stream) {
  const bool vectors = shape.channels % vectorWidth(x.dtype) == 0 && allowsVectors(x) && allowsVectors(y) &&
                       (!indices || isAligned(indices));
  withStorage(x.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const auto run = [&](auto kernel, int width, int rowsPerThread) {
      const PoolTiling tiling =
          poolTiling(shape.batch, shape.outputHeight, shape.outputWidth, shape.channels, width, rowsPerThread);
      launch("maxPool", kernel, tiling.grid, tiling.block, stream, shape,
             imageOf<const T>(x, shape.height, shape.width), imageOf<T>(y, shape.outputHeight, shape.outputWidth),
             indicesOf(indices, shape));
    };
    if (!vectors) return run(maxPoolAny<T, 1>, 1, 1);
    const bool unrolled = withUnrolledWindow(shape.windows, [&](auto kernel, auto stride) {
      constexpr int kKernel = decltype(kernel)::value, kStride = decltype(stride)::value;
      run(indices ? maxPool<T, kWidth, kKernel, kStride, true> : maxPool<T, kWidth, kKernel, kStride, false>, kWidth,
          kPoolRows);
    });
    if (!unrolled) run(maxPoolAny<T, kWidth>, kWidth, 1);
  });
}

}  // namespace saturnn::cuda
