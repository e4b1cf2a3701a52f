// The forward pass: bias and activation in one pass. Without both it copies a dense tensor into a slice of a
// concatenation or back, or converts between dtypes. Reads each element once and writes it once.
//
// The backward pass of an activation, from its output, with the gradient of the bias, in one pass over the data. Also
// the bias gradient of a convolution without activation, which is only the sum.
#include "cuda/kernels/activation.h"
#include "cuda/kernels/common/activations.cuh"
#include "cuda/kernels/common/column_sums.cuh"
#include "cuda/kernels/common/rows.cuh"
#include "shared/clamp.h"

namespace saturnn::cuda {
namespace {

// For conversions 8 elements at a time: 16 bytes of the half and 32 of the f32.
template <class From, class To, int Kind, bool HasBias, int Width>
__global__ void __launch_bounds__(kThreads) channelMap(View<const From> x, const float* __restrict__ bias, View<To> y,
                                                       int64_t rows, int columns, int kind, float slope) {
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

template <class T, int Kind, bool WritesDx, bool Sums, int Width>
__global__ void __launch_bounds__(kThreads, 4)
    channelGradient(View<const T> dy, View<const T> y, View<T> dx, float* __restrict__ partials, int64_t rows,
                    int columns, int kind, float slope, float inverseSlope) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  const bool inside = column < columns;
  Vector<Width> sum = {};
  // Rows in flight: eight f32 lanes of each are computed at once, and more would spill.
  constexpr int kRows = sizeof(T) == 2 ? 2 : kUnroll;

  const int64_t rowsPerStep = int64_t{gridDim.x} * blockDim.y * kRows;
  for (int64_t first = int64_t{blockIdx.x} * (blockDim.y * kRows) + threadIdx.y; inside && first < rows;
       first += rowsPerStep) {
    Packed<T, Width> gradients[kRows], values[kRows];
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const int64_t row = first + i * blockDim.y;
      if (row >= rows) continue;
      gradients[i] = loadPacked<Width>(dy.data + row * dy.stride + column * Width);
      if constexpr (Kind != SN_NO_ACTIVATION) values[i] = loadPacked<Width>(y.data + row * y.stride + column * Width);
    }
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const int64_t row = first + i * blockDim.y;
      if (row >= rows) continue;
      Vector<Width> gradient = unpack(gradients[i]);
      if constexpr (Kind != SN_NO_ACTIVATION) {
        const Vector<Width> value = unpack(values[i]);
#pragma unroll
        for (int lane = 0; lane < Width; ++lane) {
          gradient.lane[lane] *= derivativeAs<Kind>(kind, value.lane[lane], slope, inverseSlope);
        }
      }
      if constexpr (Sums) {
#pragma unroll
        for (int lane = 0; lane < Width; ++lane) sum.lane[lane] += gradient.lane[lane];
      }
      if constexpr (WritesDx) store<Width>(dx.data + row * dx.stride + column * Width, gradient);
    }
  }

  if constexpr (Sums) storeColumnSums(sum, partials, column, columns);
}

struct Problem {
  int kind;
  float slope;
  ConstRows dy, y;
  Rows dx;
  float* dbias;
  float* partials;
  int64_t rows, channels;
  cudaStream_t stream;
};

template <class T, int Kind, bool WritesDx, bool Sums, int Width>
void run(const Problem& p) {
  const Tiling tiling = tile(p.rows, p.channels, Width);
  const dim3 grid = Sums ? sumGrid(tiling) : tiling.grid();
  launch("channelGradient", channelGradient<T, Kind, WritesDx, Sums, Width>, grid, tiling.block, p.stream,
         viewOf<T>(p.dy), viewOf<T>(p.y), viewOf<T>(p.dx), p.partials, p.rows, tiling.columns, p.kind, p.slope,
         inverseSlopeOf(p.slope));
  if constexpr (Sums) launchColumnSums(p.partials, p.dbias, grid.x, p.channels, p.stream);
}

// Vector kernels for the two cases of training: only the sum (a convolution without activation), and f' with or without
// it.
template <class T>
bool runVectors(const Problem& p) {
  constexpr int kWidth = kVectorWidth<T>;
  const bool hasKind = p.kind != SN_NO_ACTIVATION;
  const bool aligned = p.channels % kWidth == 0 && allowsVectors(p.dy) && (!hasKind || allowsVectors(p.y)) &&
                       (!p.dx.data || allowsVectors(p.dx)) && isAligned(p.partials);
  if (!aligned || hasKind != (p.dx.data != nullptr) || (p.dbias && savesInput(p.kind))) return false;
  withActivation(p.kind, [&](auto known) {
    constexpr int kKind = decltype(known)::value;
    if constexpr (kKind == SN_NO_ACTIVATION) {
      run<T, kKind, false, true, kWidth>(p);
    } else if constexpr (savesInput(kKind)) {
      run<T, kKind, true, false, kWidth>(p);
    } else {
      (p.dbias ? run<T, kKind, true, true, kWidth> : run<T, kKind, true, false, kWidth>)(p);
    }
  });
  return true;
}

template <class T>
void runSingly(const Problem& p) {
  if (p.dx.data && p.dbias) {
    run<T, kAnyActivation, true, true, 1>(p);
  } else if (p.dx.data) {
    run<T, kAnyActivation, true, false, 1>(p);
  } else {
    run<T, kAnyActivation, false, true, 1>(p);
  }
}

// y is null forwards: result = x between the bounds. Backwards x is dy, and the result is dx. The result may be x.
template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    clamp(View<const T> x, View<const T> y, View<T> result, int64_t rows, int columns, float low, float high) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  // A result that is a bound must be recognised as one, although it was rounded.
  low = toFloat(fromFloat<T>(low));
  high = toFloat(fromFloat<T>(high));
  const int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y;
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row >= rows) return;
    Vector<Width> value = load<Width>(x.data + row * x.stride + column * Width);
    if (y.data == nullptr) {
#pragma unroll
      for (int lane = 0; lane < Width; ++lane) value.lane[lane] = clampKeepingNan(value.lane[lane], low, high);
    } else {
      const Vector<Width> saved = load<Width>(y.data + row * y.stride + column * Width);
#pragma unroll
      for (int lane = 0; lane < Width; ++lane) value.lane[lane] *= clampSlope(saved.lane[lane], low, high);
    }
    store<Width>(result.data + row * result.stride + column * Width, value);
  }
}

}  // namespace

bool isActivation(int kind) { return kind >= 0 && kind < SN_ACTIVATION_COUNT; }

void launchChannelMap(int kind, float slope, ConstRows x, const float* bias, Rows y, int64_t rows, int64_t channels,
                      cudaStream_t stream) {
  if (rows == 0 || channels == 0) return;
  if (!bias) flatten(rows, channels, x, y);
  const bool isUsual = !(bias && savesInput(kind));  // no plan has such a kernel: it need not be fast
  const bool vectors = isUsual && channels % vectorWidth(x.dtype) == 0 && allowsVectors(x) && allowsVectors(y);
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
      if constexpr (savesInput(kKind)) {
        run(channelMap<T, T, kKind, false, kWidth>, kWidth);
      } else {
        bias ? run(channelMap<T, T, kKind, true, kWidth>, kWidth) : run(channelMap<T, T, kKind, false, kWidth>, kWidth);
      }
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

void launchChannelGradient(int kind, float slope, ConstRows dy, ConstRows y, Rows dx, float* dbias, float* partials,
                           int64_t rows, int64_t channels, cudaStream_t stream) {
  if (channels == 0 || (!dx.data && !dbias)) return;
  const Problem problem{kind, slope, dy, y, dx, dbias, partials, rows, channels, stream};
  withStorage(dy.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    if (!runVectors<T>(problem)) runSingly<T>(problem);
  });
}

void launchClamp(ConstRows x, ConstRows y, Rows result, float low, float high, int64_t rows, int64_t channels,
                 cudaStream_t stream) {
  const bool vectors =
      channels % vectorWidth(x.dtype) == 0 && allowsVectors(x) && allowsVectors(y) && allowsVectors(result);
  withStorage(x.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const Tiling tiling = tile(rows, channels, vectors ? kWidth : 1);
    launch("clamp", vectors ? clamp<T, kWidth> : clamp<T, 1>, tiling.grid(), tiling.block, stream, viewOf<T>(x),
           viewOf<T>(y), viewOf<T>(result), rows, tiling.columns, low, high);
  });
}

}  // namespace saturnn::cuda
