// Mean and variance of all elements of a tensor, which may be a slice, in double and in one pass. Differences to the
// first element are summed. It is at most sqrt(n) deviations from the mean, so a large mean costs no accuracy.
#include <cmath>

#include "cuda/kernels/common/block_sum.cuh"

namespace saturnn::cuda {
namespace {

struct Sums {
  double sum, squares;
};

template <class T>
__device__ __forceinline__ double pivotOf(View<const T> x) {
  const float first = toFloat(*x.data);
  return isfinite(first) ? first : 0.0f;
}

template <class T, int Width>
__global__ void __launch_bounds__(kThreads)
    sumMoments(View<const T> x, Sums* __restrict__ partials, int64_t rows, int columns) {
  const double pivot = pivotOf(x);
  Sums sums{};
  const int64_t vectors = rows * columns, threads = int64_t{gridDim.x} * kThreads;
#pragma unroll 4
  for (int64_t index = int64_t{blockIdx.x} * kThreads + threadIdx.x; index < vectors; index += threads) {
    const int64_t row = index / columns;
    const Vector<Width> value = load<Width>(x.data + row * x.stride + (index - row * columns) * Width);
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) {
      const double difference = value.lane[lane] - pivot;
      sums.sum += difference;
      sums.squares += difference * difference;
    }
  }
  const double sum = sumOfBlock(sums.sum), squares = sumOfBlock(sums.squares);
  if (threadIdx.x == 0) partials[blockIdx.x] = {sum, squares};
}

template <class T>
__global__ void __launch_bounds__(kThreads) finishAllMoments(View<const T> x, const Sums* __restrict__ partials,
                                                             int blocks, double count, float* __restrict__ moments) {
  Sums sums{};
  for (int block = threadIdx.x; block < blocks; block += kThreads) {
    sums.sum += partials[block].sum;
    sums.squares += partials[block].squares;
  }
  const double sum = sumOfBlock(sums.sum), squares = sumOfBlock(sums.squares);
  if (threadIdx.x != 0) return;
  const double fromPivot = sum / count;
  const double spread = squares / count - fromPivot * fromPivot;
  moments[0] = static_cast<float>(pivotOf(x) + fromPivot);
  moments[1] = static_cast<float>(spread < 0.0 ? 0.0 : spread);  // a comparison that keeps NaN
}

}  // namespace

int64_t momentsScratch() { return kSumBlocks * int64_t{sizeof(Sums)}; }

void launchMoments(ConstRows x, int64_t rows, int64_t channels, float* moments, void* scratch, cudaStream_t stream) {
  const double count = static_cast<double>(rows) * static_cast<double>(channels);
  flatten(rows, channels, x);
  const bool vectors = channels % vectorWidth(x.dtype) == 0 && allowsVectors(x);
  withStorage(x.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    constexpr int kWidth = kVectorWidth<T>;
    const int64_t columns = vectors ? channels / kWidth : channels;
    const unsigned blocks = static_cast<unsigned>(std::min<int64_t>(kSumBlocks, ceilDivide(rows * columns, kThreads)));
    auto* partials = static_cast<Sums*>(scratch);
    launch("sumMoments", vectors ? sumMoments<T, kWidth> : sumMoments<T, 1>, blocks, kThreads, stream, viewOf<T>(x),
           partials, rows, columns);
    launch("finishAllMoments", finishAllMoments<T>, 1, kThreads, stream, viewOf<T>(x), partials, blocks, count,
           moments);
  });
}

}  // namespace saturnn::cuda
