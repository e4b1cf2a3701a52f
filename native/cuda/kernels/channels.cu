// The sum of two to eight tensors in one pass: used where a tensor has several readers, to add their gradients. The
// product of two tensors, or of one and a number. And numbers that are the same for all pixels of an image: x scale +
// bias, and the sums that are their gradients.
#include "cuda/kernels/channels.h"
#include "cuda/kernels/common/column_sums.cuh"
#include "cuda/kernels/common/flat.cuh"

namespace saturnn::cuda {
namespace {

template <class T>
struct Views {
  View<const T> inputs[kMostAddends];
};

// y may be the first input: a thread reads an element of every input before it writes that element.
template <class T, int Count, int Width>
__global__ void __launch_bounds__(kThreads)
    add(const __grid_constant__ Views<T> addends, View<T> y, int64_t rows, int columns) {
  constexpr int kRowsPerThread = 2;  // times up to eight inputs in flight
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  const int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y;
#pragma unroll 1
  for (int part = 0; part < kUnroll; part += kRowsPerThread) {
    Packed<T, Width> value[Count][kRowsPerThread];
#pragma unroll
    for (int input = 0; input < Count; ++input) {
#pragma unroll
      for (int i = 0; i < kRowsPerThread; ++i) {
        const int64_t row = first + (part + i) * blockDim.y;
        const View<const T> x = addends.inputs[input];
        if (row < rows) value[input][i] = loadPacked<Width>(x.data + row * x.stride + column * Width);
      }
    }
#pragma unroll
    for (int i = 0; i < kRowsPerThread; ++i) {
      const int64_t row = first + (part + i) * blockDim.y;
      if (row >= rows) return;
      Vector<Width> sum = unpack(value[0][i]);
#pragma unroll
      for (int input = 1; input < Count; ++input) {
        const Vector<Width> addend = unpack(value[input][i]);
#pragma unroll
        for (int lane = 0; lane < Width; ++lane) sum.lane[lane] += addend.lane[lane];
      }
      store<Width>(y.data + row * y.stride + column * Width, sum);
    }
  }
}

template <class T, int Count>
void run(const Addends& addends, Rows y, int64_t rows, int64_t channels, cudaStream_t stream) {
  constexpr int kWidth = kVectorWidth<T>;
  bool vectors = channels % kWidth == 0 && allowsVectors(y);
  Views<T> views{};
  for (int input = 0; input < Count; ++input) {
    vectors = vectors && allowsVectors(addends.inputs[input]);
    views.inputs[input] = viewOf<T>(addends.inputs[input]);
  }
  const Tiling tiling = tile(rows, channels, vectors ? kWidth : 1);
  launch("add", vectors ? add<T, Count, kWidth> : add<T, Count, 1>, tiling.grid(), tiling.block, stream, views,
         viewOf<T>(y), rows, tiling.columns);
}

template <class T>
constexpr decltype(&run<T, 2>) kLaunchers[] = {run<T, 2>, run<T, 3>, run<T, 4>, run<T, 5>,
                                               run<T, 6>, run<T, 7>, run<T, 8>};
static_assert(sizeof kLaunchers<float> / sizeof *kLaunchers<float> == kMostAddends - 1, "two to eight inputs");

// y may be a or b: a thread reads its elements before it writes them.
template <int Width>
__global__ void __launch_bounds__(kThreads)
    multiply(const float* a, const float* b, float factor, float* y, int64_t count) {
  forElements<Width>(count, [&](auto width, int64_t first) {
    constexpr int kWidth = decltype(width)::value;
    Vector<kWidth> value = load<kWidth>(a + first);
    if (b != nullptr) {
      const Vector<kWidth> other = load<kWidth>(b + first);
#pragma unroll
      for (int lane = 0; lane < kWidth; ++lane) value.lane[lane] *= other.lane[lane];
    }
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) value.lane[lane] *= factor;
    store<kWidth>(y + first, value);
  });
}

// The numbers of a thread's channels, or `value` if there are none.
template <int Width>
__device__ __forceinline__ Vector<Width> channelsOf(ChannelVector vector, int64_t image, int column, float value) {
  if (vector.data != nullptr) return load<Width>(vector.data + image * vector.stride + column * Width);
  Vector<Width> same;
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) same.lane[lane] = value;
  return same;
}

// y may be x: a thread reads its elements before it writes them.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads) affine(View<const T> x, ChannelVector scale, ChannelVector bias, View<T> y,
                                                   int64_t batch, int64_t pixels, int columns) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  const int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y;
  for (int64_t image = blockIdx.z; image < batch; image += gridDim.z) {
    Packed<T, Width> packed[kUnroll];
#pragma unroll
    for (int i = 0; i < kUnroll; ++i) {
      const int64_t pixel = first + i * blockDim.y;
      if (pixel < pixels) packed[i] = loadPacked<Width>(x.data + (image * pixels + pixel) * x.stride + column * Width);
    }
    const Vector<Width> factor = channelsOf<Width>(scale, image, column, 1.0f);
    const Vector<Width> shift = channelsOf<Width>(bias, image, column, -0.0f);
#pragma unroll
    for (int i = 0; i < kUnroll; ++i) {
      const int64_t pixel = first + i * blockDim.y;
      if (pixel >= pixels) break;
      Vector<Width> value = unpack(packed[i]);
#pragma unroll
      for (int lane = 0; lane < Width; ++lane) {
        value.lane[lane] = value.lane[lane] * factor.lane[lane] + shift.lane[lane];
      }
      store<Width>(y.data + (image * pixels + pixel) * y.stride + column * Width, value);
    }
  }
}

// A block computes some channels of one image. The order of its sum is fixed, as in globalAveragePool.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    productSums(View<const T> dy, View<const T> x, float* __restrict__ sums, int64_t pixels, int columns) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  const bool inside = column < columns;
  const int64_t image = blockIdx.x;
  Vector<Width> sum = {};
#pragma unroll 2
  for (int64_t pixel = threadIdx.y; inside && pixel < pixels; pixel += blockDim.y) {
    const int64_t row = image * pixels + pixel;
    Vector<Width> value = load<Width>(dy.data + row * dy.stride + column * Width);
    if (x.data != nullptr) {
      const Vector<Width> factor = load<Width>(x.data + row * x.stride + column * Width);
#pragma unroll
      for (int lane = 0; lane < Width; ++lane) value.lane[lane] *= factor.lane[lane];
    }
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) sum.lane[lane] += value.lane[lane];
  }
  sum = sumOfRows(sum);
  if (threadIdx.y == 0 && inside) store<Width>(sums + (image * columns + column) * Width, sum);
}

}  // namespace

void launchAdd(const Addends& addends, int count, Rows y, int64_t rows, int64_t channels, cudaStream_t stream) {
  if (rows == 0 || channels == 0) return;
  withStorage(y.dtype, [&](auto storage) {
    kLaunchers<typename decltype(storage)::Element>[count - 2](addends, y, rows, channels, stream);
  });
}

void launchMultiply(const float* a, const float* b, float factor, float* y, int64_t count, cudaStream_t stream) {
  const int width = flatWidth({a, b, y});
  launch("multiply", width > 1 ? multiply<4> : multiply<1>, flatBlocks(count, width), kThreads, stream, a, b, factor, y,
         count);
}

void launchAffine(ConstRows x, ChannelVector scale, ChannelVector bias, Rows y, const ImageSize& size,
                  cudaStream_t stream) {
  const auto [batch, pixels, channels] = size;
  const bool vectors = channels % vectorWidth(y.dtype) == 0 && allowsVectors(x) && allowsVectors(y) &&
                       isAligned(scale.data) && isAligned(bias.data);
  withStorage(y.dtype, [&, batch = batch, pixels = pixels, channels = channels](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const Tiling tiling = tile(pixels, channels, vectors ? kWidth : 1);
    dim3 grid = tiling.grid();
    grid.z = static_cast<unsigned>(std::min<int64_t>(batch, 65535));
    launch("affine", vectors ? affine<T, kWidth> : affine<T, 1>, grid, tiling.block, stream, viewOf<T>(x), scale, bias,
           viewOf<T>(y), batch, pixels, tiling.columns);
  });
}

void launchProductSums(ConstRows dy, ConstRows x, float* sums, const ImageSize& size, cudaStream_t stream) {
  const auto [batch, pixels, channels] = size;
  const bool vectors =
      channels % vectorWidth(dy.dtype) == 0 && allowsVectors(dy) && allowsVectors(x) && isAligned(sums);
  withStorage(dy.dtype, [&, batch = batch, pixels = pixels, channels = channels](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const Tiling tiling = tile(pixels, channels, vectors ? kWidth : 1);
    const dim3 grid(static_cast<unsigned>(batch), static_cast<unsigned>(tiling.columnTiles));
    launch("productSums", vectors ? productSums<T, kWidth> : productSums<T, 1>, grid, tiling.block, stream,
           viewOf<T>(dy), viewOf<T>(x), sums, pixels, tiling.columns);
  });
}

}  // namespace saturnn::cuda
