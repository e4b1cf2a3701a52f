// Copies rows x channels into rows x channels of another number: what is too much is cut off, what is missing is 0. It
// pads channels to what tensor cores take, cuts the padding off again, and converts on the way. A thread writes 16 bytes
// of a row where the target allows it; the source, whose rows have any length, is read element by element.
#include "rows.cuh"

namespace saturnn {
namespace {

// 16-byte stores only: a source of three channels has no aligned rows.
template <class From, class To, int Width>
__global__ void __launch_bounds__(kThreads)
    fit(View<const From> x, int64_t xRows, int xChannels, View<To> y, int64_t yRows, int columns) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  const int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y;
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row >= yRows) return;
    Vector<Width> value;
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) {
      const int channel = column * Width + lane;
      const bool exists = row < xRows && channel < xChannels;
      value.lane[lane] = exists ? toFloat(x.data[row * x.stride + channel]) : 0.0f;
    }
    store<Width>(y.data + row * y.stride + column * Width, value);
  }
}

}  // namespace

void launchFit(ConstRows x, int64_t xRows, int64_t xChannels, Rows y, int64_t yRows, int64_t yChannels,
               cudaStream_t stream) {
  if (yRows == 0 || yChannels == 0) return;
  const bool vectors = yChannels % vectorWidth(y.dtype) == 0 && allowsVectors(y);
  const auto run = [&](auto from, auto to) {
    using From = typename decltype(from)::Element;
    using To = typename decltype(to)::Element;
    const int width = vectors ? kVectorWidth<To> : 1;
    const Tiling tiling = tile(yRows, yChannels, width);
    launch("fit", vectors ? fit<From, To, kVectorWidth<To>> : fit<From, To, 1>, tiling.grid(), tiling.block, stream,
           viewOf<From>(x), xRows, static_cast<int>(xChannels), viewOf<To>(y), yRows, tiling.columns);
  };
  if (x.dtype == y.dtype) {
    withStorage(x.dtype, [&](auto both) { run(both, both); });
  } else if (x.dtype == SN_F32) {
    withStorage(y.dtype, [&](auto to) { run(Storage<float>{}, to); });
  } else {
    withStorage(x.dtype, [&](auto from) { run(from, Storage<float>{}); });
  }
}

}  // namespace saturnn
