// The gradient of average pooling in gather form: each element of dx sums dy / (pixels of the clipped window) over the
// windows that contain it, so no element is written twice and nothing is zeroed first.
#include "cuda/kernels/pooling/pool.cuh"

namespace saturnn::cuda {
namespace {

// sum += values * weight
template <int Width>
__device__ __forceinline__ void addWeighted(Vector<Width>& sum, const Vector<Width>& values, float weight) {
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) sum.lane[lane] += values.lane[lane] * weight;
}

// Rows are counted as in maxPoolGradient: window row `first + j` covers the strip's rows (j - kBefore) * Stride ... +
// Kernel - 1.
template <class T, int Width, int Kernel, int Stride>
__global__ void __launch_bounds__(kThreads)
    averagePoolGradient(const __grid_constant__ PoolShape shape, Image<const T> dy, Image<T> dx) {
  static_assert(kPoolRows % Stride == 0, "strips begin with a window");
  constexpr int kBefore = (Kernel - 1) / Stride;
  constexpr int kWindowRows = kBefore + (kPoolRows - 1) / Stride + 1;
  constexpr int kWindowColumns = kBefore + 1;
  const PoolPlace place = poolPlace<Width>(shape, kPoolRows);
  const int strip = shape.windows.padTop / Stride * Stride + place.row;
  const int top = strip - shape.windows.padTop;  // perhaps above the image
  if (place.channel >= shape.channels || place.column >= shape.width || top >= shape.height) return;
  const int across = place.column + shape.windows.padLeft;
  const int firstWindow = across / Stride - kBefore;
  float weight[kWindowColumns];
#pragma unroll
  for (int k = 0; k < kWindowColumns; ++k) {
    weight[k] = inverseOf<Kernel>(windowOf(firstWindow + k, Kernel, Stride, shape.windows.padLeft, shape.width));
  }

  for (int64_t n = blockIdx.z; n < shape.batch; n += gridDim.z) {
    Vector<Width> sum[kPoolRows] = {};
#pragma unroll
    for (int j = 0; j < kWindowRows; ++j) {
      const int windowRow = strip / Stride - kBefore + j;
      if (windowRow >= 0 && windowRow < shape.outputHeight) {
        Packed<T, Width> packed[kWindowColumns] = {};
#pragma unroll
        for (int k = 0; k < kWindowColumns; ++k) {
          const int window = firstWindow + k;
          if (window >= 0 && window < shape.outputWidth && across - window * Stride < Kernel) {
            packed[k] = loadPacked<Width>(dy.at(n, windowRow, window, place.channel));
          }
        }
        Vector<Width> rowSum = {};
#pragma unroll
        for (int k = 0; k < kWindowColumns; ++k) addWeighted(rowSum, unpack(packed[k]), weight[k]);
        const float rowWeight =
            inverseOf<Kernel>(windowOf(windowRow, Kernel, Stride, shape.windows.padTop, shape.height));
#pragma unroll
        for (int i = 0; i < kPoolRows; ++i) {
          const int within = i - (j - kBefore) * Stride;
          if (within >= 0 && within < Kernel) addWeighted(sum[i], rowSum, rowWeight);
        }
      }
#pragma unroll
      for (int i = 0; i < kPoolRows; ++i) {
        if (j != kBefore + i / Stride) continue;  // the last window row over row i
        if (top + i >= 0 && top + i < shape.height) {
          store<Width>(dx.at(n, top + i, place.column, place.channel), sum[i]);
        }
      }
    }
  }
}

// The kernel for windows of any size.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    averagePoolGradientAny(const __grid_constant__ PoolShape shape, Image<const T> dy, Image<T> dx) {
  const PoolPlace place = poolPlace<Width>(shape, 1);
  if (place.channel >= shape.channels || place.column >= shape.width || place.row >= shape.height) return;
  const PoolWindows& w = shape.windows;
  const Span windowRows = windowsOver(place.row, w.kernelH, w.strideH, w.padTop, shape.outputHeight);
  const Span windows = windowsOver(place.column, w.kernelW, w.strideW, w.padLeft, shape.outputWidth);

  for (int64_t n = blockIdx.z; n < shape.batch; n += gridDim.z) {
    Vector<Width> sum = {};
    for (int windowRow = windowRows.begin; windowRow < windowRows.end; ++windowRow) {
      Vector<Width> rowSum = {};
      for (int window = windows.begin; window < windows.end; ++window) {
        const float weight = weightOf(windowOf(window, w.kernelW, w.strideW, w.padLeft, shape.width), w);
        addWeighted(rowSum, load<Width>(dy.at(n, windowRow, window, place.channel)), weight);
      }
      addWeighted(sum, rowSum, weightOf(windowOf(windowRow, w.kernelH, w.strideH, w.padTop, shape.height), w));
    }
    store<Width>(dx.at(n, place.row, place.column, place.channel), sum);
  }
}

}  // namespace

void launchAveragePoolGradient(const PoolShape& shape, ConstRows dy, Rows dx, cudaStream_t stream) {
  const bool vectors = shape.channels % vectorWidth(dy.dtype) == 0 && allowsVectors(dy) && allowsVectors(dx);
  withStorage(dy.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const auto run = [&](auto kernel, int width, int rows, int rowsPerThread) {
      const PoolTiling tiling = poolTiling(shape.batch, rows, shape.width, shape.channels, width, rowsPerThread);
      launch("averagePoolGradient", kernel, tiling.grid, tiling.block, stream, shape,
             imageOf<const T>(dy, shape.outputHeight, shape.outputWidth), imageOf<T>(dx, shape.height, shape.width));
    };
    if (!vectors) return run(averagePoolGradientAny<T, 1>, 1, shape.height, 1);
    const bool unrolled = withUnrolledWindow(shape.windows, [&](auto kernel, auto stride) {
      constexpr int kKernel = decltype(kernel)::value, kStride = decltype(stride)::value;
      run(averagePoolGradient<T, kWidth, kKernel, kStride>, kWidth, shape.height + shape.windows.padTop % kStride,
          kPoolRows);
    });
    if (!unrolled) run(averagePoolGradientAny<T, kWidth>, kWidth, shape.height, 1);
  });
}

}  // namespace saturnn::cuda
