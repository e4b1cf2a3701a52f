// y = x / (1 - rate), or 0 x for dropped elements. Nothing is stored: the gradient is the same kernel on dy.
#include "cuda/kernels/common/random.cuh"

namespace saturnn::cuda {
namespace {

// y may be x. A product, not a selection, so that a NaN in x stays visible even if the element was dropped.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    dropout(View<const T> x, const uint32_t* __restrict__ counter, int32_t stream, uint32_t threshold, float scale,
            View<T> y, int64_t rows, int columns) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  const int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y;
  Packed<T, Width> values[kUnroll];
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row < rows) values[i] = loadPacked<Width>(x.data + row * x.stride + column * Width);
  }
  const RandomSource source = sourceOf(counter, stream);
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row >= rows) return;
    const RandomNumbers<Width> numbers = draw<dropoutKey, Width>(source, (row * columns + column) * Width);
    Vector<Width> value = unpack(values[i]);
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) value.lane[lane] *= numbers.lane[lane] < threshold ? 0.0f : scale;
    store<Width>(y.data + row * y.stride + column * Width, value);
  }
}

}  // namespace

void launchDropout(ConstRows x, const uint32_t* counter, int32_t stream, float rate, Rows y, int64_t rows,
                   int64_t channels, cudaStream_t cudaStream) {
  if (rows == 0 || channels == 0) return;
  flatten(rows, channels, x, y);
  const auto threshold = static_cast<uint32_t>(static_cast<double>(rate) * 4294967296.0);
  const bool vectors = channels % vectorWidth(x.dtype) == 0 && allowsVectors(x) && allowsVectors(y);
  withStorage(x.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const Tiling tiling = tile(rows, channels, vectors ? kWidth : 1);
    launch("dropout", vectors ? dropout<T, kWidth> : dropout<T, 1>, tiling.grid(), tiling.block, cudaStream,
           viewOf<T>(x), counter, stream, threshold, 1.0f / (1.0f - rate), viewOf<T>(y), rows, tiling.columns);
  });
}

}  // namespace saturnn::cuda
