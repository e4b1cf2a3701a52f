// Average pooling: the mean over the window clipped at the image's edges, so padding is not counted.
#include "cuda/kernels/pooling/pool.cuh"

namespace saturnn::cuda {
namespace {

template <class T, int Width, int Kernel, int Stride>
__global__ void __launch_bounds__(kThreads)
    averagePool(const __grid_constant__ PoolShape shape, Image<const T> x, Image<T> y) {
  constexpr int kReadRows = (kPoolRows - 1) * Stride + Kernel;
  const PoolPlace place = poolPlace<Width>(shape, kPoolRows);
  if (place.channel >= shape.channels || place.column >= shape.outputWidth || place.row >= shape.outputHeight) return;
  const int top = place.row * Stride - shape.windows.padTop;
  const Span pixels = windowOf(place.column, Kernel, Stride, shape.windows.padLeft, shape.width);
  const int left = place.column * Stride - shape.windows.padLeft;
  float weight[kPoolRows];
#pragma unroll
  for (int i = 0; i < kPoolRows; ++i) {
    weight[i] = inverseOf<Kernel>(windowOf(place.row + i, Kernel, Stride, shape.windows.padTop, shape.height)) *
                inverseOf<Kernel>(pixels);
  }

  for (int64_t n = blockIdx.z; n < shape.batch; n += gridDim.z) {
    Vector<Width> mean[kPoolRows] = {};
#pragma unroll
    for (int r = 0; r < kReadRows; ++r) {
      const int row = top + r;
      if (row >= 0 && row < shape.height) {
        Packed<T, Width> packed[Kernel] = {};
#pragma unroll
        for (int k = 0; k < Kernel; ++k) {
          const int pixel = left + k;
          if (pixel >= pixels.begin && pixel < pixels.end) {
            packed[k] = loadPacked<Width>(x.at(n, row, pixel, place.channel));
          }
        }
        Vector<Width> sum = unpack(packed[0]);
#pragma unroll
        for (int k = 1; k < Kernel; ++k) {
          const Vector<Width> next = unpack(packed[k]);
#pragma unroll
          for (int lane = 0; lane < Width; ++lane) sum.lane[lane] += next.lane[lane];
        }
#pragma unroll
        for (int i = 0; i < kPoolRows; ++i) {
          if (r < i * Stride || r >= i * Stride + Kernel) continue;
#pragma unroll
          for (int lane = 0; lane < Width; ++lane) mean[i].lane[lane] += sum.lane[lane] * weight[i];
        }
      }
      if (r < Kernel - 1 || (r - Kernel + 1) % Stride != 0) continue;
      const int done = (r - Kernel + 1) / Stride;
      store<Width>(y.at(n, place.row + done, place.column, place.channel), mean[done]);
      if (place.row + done + 1 == shape.outputHeight) break;
    }
  }
}

// The kernel for windows of any size.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    averagePoolAny(const __grid_constant__ PoolShape shape, Image<const T> x, Image<T> y) {
  const PoolPlace place = poolPlace<Width>(shape, 1);
  if (place.channel >= shape.channels || place.column >= shape.outputWidth || place.row >= shape.outputHeight) return;
  const PoolWindows& w = shape.windows;
  const Span rows = windowOf(place.row, w.kernelH, w.strideH, w.padTop, shape.height);
  const Span pixels = windowOf(place.column, w.kernelW, w.strideW, w.padLeft, shape.width);
  const float weight = weightOf(rows, w) * weightOf(pixels, w);

  for (int64_t n = blockIdx.z; n < shape.batch; n += gridDim.z) {
    Vector<Width> mean = {};
    for (int row = rows.begin; row < rows.end; ++row) {
      Vector<Width> sum = {};
      for (int pixel = pixels.begin; pixel < pixels.end; ++pixel) {
        const Vector<Width> next = load<Width>(x.at(n, row, pixel, place.channel));
#pragma unroll
        for (int lane = 0; lane < Width; ++lane) sum.lane[lane] += next.lane[lane];
      }
#pragma unroll
      for (int lane = 0; lane < Width; ++lane) mean.lane[lane] += sum.lane[lane] * weight;
    }
    store<Width>(y.at(n, place.row, place.column, place.channel), mean);
  }
}

}  // namespace

void launchAveragePool(const PoolShape& shape, ConstRows x, Rows y, cudaStream_t stream) {
  const bool vectors = shape.channels % vectorWidth(x.dtype) == 0 && allowsVectors(x) && allowsVectors(y);
  withStorage(x.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const auto run = [&](auto kernel, int width, int rowsPerThread) {
      const PoolTiling tiling =
          poolTiling(shape.batch, shape.outputHeight, shape.outputWidth, shape.channels, width, rowsPerThread);
      launch("averagePool", kernel, tiling.grid, tiling.block, stream, shape,
             imageOf<const T>(x, shape.height, shape.width), imageOf<T>(y, shape.outputHeight, shape.outputWidth));
    };
    if (!vectors) return run(averagePoolAny<T, 1>, 1, 1);
    const bool unrolled = withUnrolledWindow(shape.windows, [&](auto kernel, auto stride) {
      run(averagePool<T, kWidth, decltype(kernel)::value, decltype(stride)::value>, kWidth, kPoolRows);
    });
    if (!unrolled) run(averagePoolAny<T, kWidth>, kWidth, 1);
  });
}

}  // namespace saturnn::cuda
