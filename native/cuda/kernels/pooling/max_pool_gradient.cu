// The gradient of max pooling in gather form: each element of dx sums dy over the windows whose maximum it is, in
// window order as on the CPU. So no element is written twice and nothing is zeroed first.
#include "cuda/kernels/pooling/bytes.cuh"
#include "cuda/kernels/pooling/pool.cuh"

namespace saturnn::cuda {
namespace {

// A selection, not a product: a NaN of a window whose maximum is another pixel must not be added.
template <int Width>
__device__ __forceinline__ void addChosen(Vector<Width>& sum, const Vector<Width>& dy, const Words<Width>& indices,
                                          int position) {
  const Words<Width> difference = differenceFrom(indices, static_cast<uint32_t>(position));
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) {
    if (difference.isZero(lane)) sum.lane[lane] += dy.lane[lane];
  }
}

// Rows are counted from `pad` rows above the image, so that the windows that cover a row of the strip are known at
// compile time: window row `first + j` covers the strip's rows (j - kBefore) * Stride ... + Kernel - 1.
template <class T, int Width, int Kernel, int Stride>
__global__ void __launch_bounds__(kThreads) maxPoolGradient(const __grid_constant__ PoolShape shape, Image<const T> dy,
                                                            Image<const uint8_t> indices, Image<T> dx) {
  static_assert(kPoolRows % Stride == 0 && Kernel * Kernel <= 255, "strips begin with a window; 255 is no position");
  constexpr int kBefore = (Kernel - 1) / Stride;  // windows that begin above the strip, or left of the pixel's own
  constexpr int kWindowRows = kBefore + (kPoolRows - 1) / Stride + 1;
  constexpr int kWindowColumns = kBefore + 1;
  const PoolPlace place = poolPlace<Width>(shape, kPoolRows);
  const int strip = shape.windows.padTop / Stride * Stride + place.row;
  const int top = strip - shape.windows.padTop;  // perhaps above the image
  if (place.channel >= shape.channels || place.column >= shape.width || top >= shape.height) return;
  const int across = place.column + shape.windows.padLeft;

  for (int64_t n = blockIdx.z; n < shape.batch; n += gridDim.z) {
    Vector<Width> sum[kPoolRows] = {};
#pragma unroll
    for (int j = 0; j < kWindowRows; ++j) {
      const int windowRow = strip / Stride - kBefore + j;
      if (windowRow >= 0 && windowRow < shape.outputHeight) {
        Packed<T, Width> packed[kWindowColumns];
        Words<Width> chosen[kWindowColumns];
#pragma unroll
        for (int k = 0; k < kWindowColumns; ++k) {
          const int window = across / Stride - kBefore + k;
          packed[k] = {};
          chosen[k] = differenceFrom(Words<Width>{}, 255);
          if (window >= 0 && window < shape.outputWidth && across - window * Stride < Kernel) {
            packed[k] = loadPacked<Width>(dy.at(n, windowRow, window, place.channel));
            chosen[k] = loadBytes<Width>(indices.at(n, windowRow, window, place.channel));
          }
        }
#pragma unroll
        for (int k = 0; k < kWindowColumns; ++k) {
          const int window = across / Stride - kBefore + k;
          const Vector<Width> gradient = unpack(packed[k]);
#pragma unroll
          for (int i = 0; i < kPoolRows; ++i) {
            const int within = i - (j - kBefore) * Stride;
            if (within < 0 || within >= Kernel) continue;
            addChosen(sum[i], gradient, chosen[k], within * Kernel + across - window * Stride);
          }
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
    maxPoolGradientAny(const __grid_constant__ PoolShape shape, Image<const T> dy, Image<const uint8_t> indices,
                       Image<T> dx) {
  const PoolPlace place = poolPlace<Width>(shape, 1);
  if (place.channel >= shape.channels || place.column >= shape.width || place.row >= shape.height) return;
  const PoolWindows& w = shape.windows;
  const Span windowRows = windowsOver(place.row, w.kernelH, w.strideH, w.padTop, shape.outputHeight);
  const Span windows = windowsOver(place.column, w.kernelW, w.strideW, w.padLeft, shape.outputWidth);

  for (int64_t n = blockIdx.z; n < shape.batch; n += gridDim.z) {
    Vector<Width> sum = {};
    for (int windowRow = windowRows.begin; windowRow < windowRows.end; ++windowRow) {
      for (int window = windows.begin; window < windows.end; ++window) {
        const int position =
            (place.row + w.padTop - windowRow * w.strideH) * w.kernelW + place.column + w.padLeft - window * w.strideW;
        addChosen(sum, load<Width>(dy.at(n, windowRow, window, place.channel)),
                  loadBytes<Width>(indices.at(n, windowRow, window, place.channel)), position);
      }
    }
    store<Width>(dx.at(n, place.row, place.column, place.channel), sum);
  }
}

}  // namespace

void launchMaxPoolGradient(const PoolShape& shape, ConstRows dy, const uint8_t* indices, Rows dx, cudaStream_t stream) {
  const bool vectors =
      shape.channels % vectorWidth(dy.dtype) == 0 && allowsVectors(dy) && allowsVectors(dx) && isAligned(indices);
  withStorage(dy.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const auto run = [&](auto kernel, int width, int rows, int rowsPerThread) {
      const PoolTiling tiling = poolTiling(shape.batch, rows, shape.width, shape.channels, width, rowsPerThread);
      launch("maxPoolGradient", kernel, tiling.grid, tiling.block, stream, shape,
             imageOf<const T>(dy, shape.outputHeight, shape.outputWidth), indicesOf(indices, shape),
             imageOf<T>(dx, shape.height, shape.width));
    };
    if (!vectors) return run(maxPoolGradientAny<T, 1>, 1, shape.height, 1);
    const bool unrolled = withUnrolledWindow(shape.windows, [&](auto kernel, auto stride) {
      constexpr int kKernel = decltype(kernel)::value, kStride = decltype(stride)::value;
      run(maxPoolGradient<T, kWidth, kKernel, kStride>, kWidth, shape.height + shape.windows.padTop % kStride,
          kPoolRows);
    });
    if (!unrolled) run(maxPoolGradientAny<T, kWidth>, kWidth, shape.height, 1);
  });
}

}  // namespace saturnn::cuda
