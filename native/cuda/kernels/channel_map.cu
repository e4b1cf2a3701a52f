// Bias and activation in one pass; without them, the copy that scatters a dense tensor into a slice of a concatenation,
// or gathers it from there, and the one that converts between dtypes. Reads each element once and writes it once.
#include "rows.cuh"

namespace saturnn {
namespace {

// Between dtypes 8 elements at a time are 16 bytes of the half and 32 of the f32.
template <class From, class To, int Kind, bool HasBias, int Width>
__global__ void __launch_bounds__(kThreads)
    channelMap(View<const From> x, const float* __restrict__ bias, View<To> y, int64_t rows, int columns, int kind,
               float slope) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;

  float offset[Width];
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) offset[lane] = HasBias ? bias[column * Width + lane] : 0.0f;

  const int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y;
  Packed<From, Width> packed[kUnroll];
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row < rows) packed[i] = loadPacked<Width>(x.data + row * x.stride + column * Width);
  }
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row >= rows) return;
    Vector<Width> value = unpack(packed[i]);
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) {
      if constexpr (HasBias) value.lane[lane] += offset[lane];
      value.lane[lane] = activateAs<Kind>(kind, value.lane[lane], slope);
    }
    store<Width>(y.data + row * y.stride + column * Width, value);
  }
}

}  // namespace

void launchChannelMap(int kind, float slope, ConstRows x, const float* bias, Rows y, int64_t rows, int64_t channels,
                      cudaStream_t stream) {
  if (rows == 0 || channels == 0) return;
  if (!bias) flatten(rows, channels, x, y);
  const bool vectors = channels % vectorWidth(x.dtype) == 0 && allowsVectors(x) && allowsVectors(y);
  withStorage(x.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    const auto run = [&](auto kernel, int width) {
      const Tiling tiling = tile(rows, channels, width);
      launch("channelMap", kernel, tiling.grid(), tiling.block, stream, viewOf<T>(x), bias, viewOf<T>(y), rows,
             tiling.columns, kind, slope);
    };
    if (!vectors) {
      constexpr int kKind = kAnyActivation;
      return bias ? run(channelMap<T, T, kKind, true, 1>, 1) : run(channelMap<T, T, kKind, false, 1>, 1);
    }
    withActivation(kind, [&](auto known) {
      constexpr int kKind = decltype(known)::value;
      constexpr int kWidth = kVectorWidth<T>;
      bias ? run(channelMap<T, T, kKind, true, kWidth>, kWidth) : run(channelMap<T, T, kKind, false, kWidth>, kWidth);
    });
  });
}

void launchConvertRows(ConstRows x, Rows y, int64_t rows, int64_t channels, cudaStream_t stream) {
  if (rows == 0 || channels == 0) return;
  flatten(rows, channels, x, y);
  constexpr int kWidth = kVectorWidth<__half>;
  const bool vectors = channels % kWidth == 0 && allowsVectors(x) && allowsVectors(y);
  const auto convert = [&](auto from, auto to) {
    using From = typename decltype(from)::Element;
    using To = typename decltype(to)::Element;
    const Tiling tiling = tile(rows, channels, vectors ? kWidth : 1);
    launch("convertRows",
           vectors ? channelMap<From, To, SN_NO_ACTIVATION, false, kWidth>
                   : channelMap<From, To, SN_NO_ACTIVATION, false, 1>,
           tiling.grid(), tiling.block, stream, viewOf<From>(x), nullptr, viewOf<To>(y), rows, tiling.columns,
           SN_NO_ACTIVATION, 0.0f);
  };
  if (x.dtype == SN_F32) {
    withStorage(y.dtype, [&](auto to) { convert(Storage<float>{}, to); });
  } else {
    withStorage(x.dtype, [&](auto from) { convert(from, Storage<float>{}); });
  }
}

}  // namespace saturnn
