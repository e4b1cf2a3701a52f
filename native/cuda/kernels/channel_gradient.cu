// The backward pass of an activation from its output, and the gradient of the bias, in one pass over the data. Also the
// bias gradient of a convolution without activation, which is only the sum.
//
// The sum is the same in every run: a fixed grid, each thread adds its rows in order, each block adds its threads in a
// fixed tree and writes its partial sums, and a second kernel adds those in a fixed order. No atomics.
#include "../../activations.h"
#include "rows.cuh"

namespace saturnn {
namespace {

template <int Kind, bool WritesDx, bool Sums, int Width>
__global__ void __launch_bounds__(kThreads, 4)
    channelGradient(ConstRows dy, ConstRows y, Rows dx, float* __restrict__ partials, int64_t rows, int columns,
                    float slope, float inverseSlope) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  const bool inside = column < columns;
  Vector<Width> sum = {};

  const int64_t rowsPerStep = int64_t{gridDim.x} * blockDim.y * kUnroll;
  for (int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y; inside && first < rows;
       first += rowsPerStep) {
    Vector<Width> gradient[kUnroll], output[kUnroll];
#pragma unroll
    for (int i = 0; i < kUnroll; ++i) {
      const int64_t row = first + i * blockDim.y;
      if (row >= rows) continue;
      gradient[i] = load<Width>(dy.data + row * dy.stride + column * Width);
      if constexpr (Kind != SN_NO_ACTIVATION) output[i] = load<Width>(y.data + row * y.stride + column * Width);
    }
#pragma unroll
    for (int i = 0; i < kUnroll; ++i) {
      const int64_t row = first + i * blockDim.y;
      if (row >= rows) continue;
#pragma unroll
      for (int lane = 0; lane < Width; ++lane) {
        if constexpr (Kind != SN_NO_ACTIVATION) {
          gradient[i].lane[lane] *= derivativeFromOutput<Kind>(output[i].lane[lane], slope, inverseSlope);
        }
        if constexpr (Sums) sum.lane[lane] += gradient[i].lane[lane];
      }
      if constexpr (WritesDx) store<Width>(dx.data + row * dx.stride + column * Width, gradient[i]);
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
  float slope;
  ConstRows dy, y;
  Rows dx;
  float* dbias;
  float* partials;
  int64_t rows, channels;
  cudaStream_t stream;
};

template <int Kind, bool WritesDx, bool Sums, int Width>
void launch(const Problem& p) {
  const Tiling tiling = tile(p.rows, p.channels, Width);
  // 528 blocks are 4 on each of the 132 processors of an H100 or H200. A constant, not a query: the order of the sum,
  // and so its last bits, depends on the grid.
  const int64_t most = Sums ? std::max(1, kSumBlocks / tiling.columnTiles) : tiling.rowTiles;
  const dim3 grid(static_cast<unsigned>(std::min(tiling.rowTiles, most)), static_cast<unsigned>(tiling.columnTiles));
  channelGradient<Kind, WritesDx, Sums, Width><<<grid, tiling.block, 0, p.stream>>>(
      p.dy, p.y, p.dx, p.partials, p.rows, tiling.columns, p.slope, inverseSlopeOf(p.slope));
  checkCuda(cudaGetLastError(), "launching channelGradient");
  if constexpr (Sums) {
    const unsigned blocks = static_cast<unsigned>(ceilDivide(p.channels, kSumColumns));
    sumPartials<<<blocks, dim3(kSumColumns, kSumRows), 0, p.stream>>>(p.partials, p.dbias, static_cast<int>(grid.x),
                                                                      static_cast<int>(p.channels));
    checkCuda(cudaGetLastError(), "launching sumPartials");
  }
}

template <int Kind>
void launchKind(const Problem& p) {
  const bool vectors = p.channels % 4 == 0 && allowsVectors(p.dy) && (Kind == SN_NO_ACTIVATION || allowsVectors(p.y)) &&
                       (!p.dx.data || allowsVectors(p.dx)) && isAligned(p.partials);
  if (p.dx.data && p.dbias) {
    (vectors ? launch<Kind, true, true, 4> : launch<Kind, true, true, 1>)(p);
  } else if (p.dx.data) {
    (vectors ? launch<Kind, true, false, 4> : launch<Kind, true, false, 1>)(p);
  } else if (p.dbias) {
    (vectors ? launch<Kind, false, true, 4> : launch<Kind, false, true, 1>)(p);
  }
}

using Launcher = decltype(&launchKind<SN_NO_ACTIVATION>);
constexpr Launcher kLaunchers[] = {launchKind<SN_SIGMOID>,    launchKind<SN_SCALED_SIGMOID>, launchKind<SN_TANH>,
                                   launchKind<SN_LEAKY_TANH>, launchKind<SN_RELU>,           launchKind<SN_LEAKY_RELU>,
                                   launchKind<SN_ELU>};
static_assert(sizeof kLaunchers / sizeof kLaunchers[0] == SN_ACTIVATION_COUNT, "one launcher per activation");

}  // namespace

void launchChannelGradient(int kind, float slope, ConstRows dy, ConstRows y, Rows dx, float* dbias, float* partials,
                           int64_t rows, int64_t channels, cudaStream_t stream) {
  if (channels == 0) return;
  const Problem problem{slope, dy, y, dx, dbias, partials, rows, channels, stream};
  (kind == SN_NO_ACTIVATION ? launchKind<SN_NO_ACTIVATION> : kLaunchers[kind])(problem);
}

}  // namespace saturnn
