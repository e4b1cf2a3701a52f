// The backward pass of an activation from its output, and the gradient of the bias, in one pass over the data. Also the
// bias gradient of a convolution without activation, which is only the sum.
//
// The sum is the same in every run: a fixed grid, each thread adds its rows in order, each block adds its threads in a
// fixed tree and writes its partial sums, and a second kernel adds those in a fixed order. No atomics.
#include "rows.cuh"

namespace saturnn {
namespace {

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

  if constexpr (Sums) {
    __shared__ Vector<Width> shared[kThreads];
    const int place = threadIdx.y * blockDim.x + threadIdx.x;
    shared[place] = sum;
    for (int live = blockDim.y; live > 1;) {
      const int half = (live + 1) / 2;
      __syncthreads();
      if (threadIdx.y + half < live) {
        const Vector<Width> other = shared[place + half * blockDim.x];
#pragma unroll
        for (int lane = 0; lane < Width; ++lane) sum.lane[lane] += other.lane[lane];
        shared[place] = sum;
      }
      live = half;
    }
    if (threadIdx.y == 0 && inside) {
      store<Width>(partials + (int64_t{blockIdx.x} * columns + column) * Width, sum);
    }
  }
}

constexpr int kSumColumns = 32;
constexpr int kSumRows = 16;
constexpr int kSumThreads = kSumColumns * kSumRows;

// partials [blocks, channels] -> total [channels]
__global__ void __launch_bounds__(kSumThreads)
    sumPartials(const float* __restrict__ partials, float* __restrict__ total, int blocks, int channels) {
  __shared__ float shared[kSumRows][kSumColumns];
  const int channel = blockIdx.x * kSumColumns + threadIdx.x;
  float sum = 0.0f;
  if (channel < channels) {
#pragma unroll 4
    for (int block = threadIdx.y; block < blocks; block += kSumRows)
      sum += partials[int64_t{block} * channels + channel];
  }
  shared[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y == 0 && channel < channels) {
    for (int row = 1; row < kSumRows; ++row) sum += shared[row][threadIdx.x];
    total[channel] = sum;
  }
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
  // 528 blocks are 4 on each of the 132 processors of an H100 or H200. A constant, not a query: the order of the sum,
  // and so its last bits, depends on the grid.
  const int64_t most = Sums ? std::max(1, kSumBlocks / tiling.columnTiles) : tiling.rowTiles;
  const dim3 grid(static_cast<unsigned>(std::min(tiling.rowTiles, most)), static_cast<unsigned>(tiling.columnTiles));
  launch("channelGradient", channelGradient<T, Kind, WritesDx, Sums, Width>, grid, tiling.block, p.stream,
         viewOf<T>(p.dy), viewOf<T>(p.y), viewOf<T>(p.dx), p.partials, p.rows, tiling.columns, p.kind, p.slope,
         inverseSlopeOf(p.slope));
  if constexpr (Sums) {
    const unsigned blocks = static_cast<unsigned>(ceilDivide(p.channels, kSumColumns));
    launch("sumPartials", sumPartials, blocks, dim3(kSumColumns, kSumRows), p.stream, p.partials, p.dbias, grid.x,
           p.channels);
  }
}

// Vectors for what steps are made of: the sum alone (a convolution without activation), and f' with or without the sum.
template <class T>
bool runVectors(const Problem& p) {
  constexpr int kWidth = kVectorWidth<T>;
  const bool hasKind = p.kind != SN_NO_ACTIVATION;
  const bool aligned = p.channels % kWidth == 0 && allowsVectors(p.dy) && (!hasKind || allowsVectors(p.y)) &&
                       (!p.dx.data || allowsVectors(p.dx)) && isAligned(p.partials);
  if (!aligned || hasKind != (p.dx.data != nullptr)) return false;
  withActivation(p.kind, [&](auto known) {
    constexpr int kKind = decltype(known)::value;
    if constexpr (kKind == SN_NO_ACTIVATION) {
      run<T, kKind, false, true, kWidth>(p);
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

}  // namespace

void launchChannelGradient(int kind, float slope, ConstRows dy, ConstRows y, Rows dx, float* dbias, float* partials,
                           int64_t rows, int64_t channels, cudaStream_t stream) {
  if (channels == 0 || (!dx.data && !dbias)) return;
  const Problem problem{kind, slope, dy, y, dx, dbias, partials, rows, channels, stream};
  withStorage(dy.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    if (!runVectors<T>(problem)) runSingly<T>(problem);
  });
}

}  // namespace saturnn
