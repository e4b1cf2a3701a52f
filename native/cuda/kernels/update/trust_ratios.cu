// The learning rates of LARS, one per segment of the parameter arena.
//
// Each warp processes one part of the arena, the same in every run, and sums the squares of each segment's elements in
// it. Then one warp per segment adds these sums in the order of the parts. In double, because f32 could overflow.
#include "cuda/kernels/common/rows.cuh"
#include "cuda/kernels/common/sum_blocks.h"
#include "cuda/kernels/update/segments.cuh"
#include "shared/updates.h"

namespace saturnn::cuda {
namespace {

constexpr int kWarp = 32;
constexpr int kWarps = kThreads / kWarp;

struct SquareSums {
  double weights, gradient;
};

// Returns the sum over a warp, in a fixed tree, in every lane.
__device__ __forceinline__ SquareSums sumOfWarp(SquareSums sums) {
#pragma unroll
  for (int lanes = kWarp / 2; lanes > 0; lanes /= 2) {
    sums.weights += __shfl_xor_sync(0xffffffffu, sums.weights, lanes);
    sums.gradient += __shfl_xor_sync(0xffffffffu, sums.gradient, lanes);
  }
  return sums;
}

template <int Width>
__device__ __forceinline__ void addSquares(const float* parameters, const float* gradient, int64_t index,
                                           SquareSums& sums) {
  const Vector<Width> weights = load<Width>(parameters + index), slopes = load<Width>(gradient + index);
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) {
    sums.weights += double{weights.lane[lane]} * weights.lane[lane];
    sums.gradient += double{slopes.lane[lane]} * slopes.lane[lane];
  }
}

// Returns a warp's sums over elements begin to end - 1. Uses vectors, except before the first whole vector and after
// the last.
template <int Width>
__device__ __forceinline__ SquareSums squaresOf(const TrustProblem& p, int64_t begin, int64_t end, int lane) {
  SquareSums sums{};
  const int64_t firstVector = (begin + Width - 1) / Width, endVector = end / Width;
  if (firstVector >= endVector) {
    for (int64_t index = begin + lane; index < end; index += kWarp) {
      addSquares<1>(p.parameters, p.gradient, index, sums);
    }
    return sumOfWarp(sums);
  }
  if (begin + lane < firstVector * Width) addSquares<1>(p.parameters, p.gradient, begin + lane, sums);
#pragma unroll 4
  for (int64_t vector = firstVector + lane; vector < endVector; vector += kWarp) {
    addSquares<Width>(p.parameters, p.gradient, vector * Width, sums);
  }
  if (endVector * Width + lane < end) addSquares<1>(p.parameters, p.gradient, endVector * Width + lane, sums);
  return sumOfWarp(sums);
}

// The sum for segment s in part c of the arena is at c + s, which is unique: from one sum to the next, c or s grows.
template <int Width>
__global__ void __launch_bounds__(kThreads)
    segmentSquares(const __grid_constant__ TrustProblem p, int64_t partLength, SquareSums* __restrict__ partials) {
  const int lane = threadIdx.x % kWarp;
  const int64_t part = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
  int64_t begin = part * partLength;
  const int64_t partEnd = begin + partLength < p.count ? begin + partLength : p.count;
  if (begin >= partEnd) return;
  for (int segment = findSegment(p.ends, p.segments, begin); segment < p.segments && begin < partEnd; ++segment) {
    const int64_t end = p.ends[segment] < partEnd ? p.ends[segment] : partEnd;
    if (end <= begin) continue;
    const SquareSums sums = squaresOf<Width>(p, begin, end, lane);
    if (lane == 0) partials[part + segment] = sums;
    begin = end;
  }
}

__global__ void __launch_bounds__(kThreads)
    trustRatios(const __grid_constant__ TrustProblem p, int64_t partLength, const SquareSums* __restrict__ partials) {
  const int lane = threadIdx.x % kWarp;
  const int segment = blockIdx.x * kWarps + threadIdx.x / kWarp;
  if (segment >= p.segments) return;
  const int64_t begin = segment == 0 ? 0 : p.ends[segment - 1];
  const int64_t end = p.ends[segment] < p.count ? p.ends[segment] : p.count;
  SquareSums sums{};
  if (begin >= 0 && begin < end) {
    for (int64_t part = begin / partLength + lane; part <= (end - 1) / partLength; part += kWarp) {
      sums.weights += partials[part + segment].weights;
      sums.gradient += partials[part + segment].gradient;
    }
  }
  sums = sumOfWarp(sums);
  if (lane != 0) return;
  const float rate = p.rates[segment];
  p.ratios[segment] = p.ends[segment] <= p.trusted
                          ? trustRatio(sums.weights, sums.gradient, factorOf(p.scale), rate, p.decays[segment], p.trust)
                          : rate;
}

}  // namespace

int64_t trustRatiosScratch(int segments) {
  return (int64_t{kSumBlocks} * kWarps + segments) * int64_t{sizeof(SquareSums)};
}

void launchTrustRatios(const TrustProblem& problem, void* scratch, cudaStream_t stream) {
  if (problem.segments == 0) return;
  // A part is a multiple of a warp's vectors, and there are at most as many parts as the scratch has room for.
  constexpr int64_t kRound = kWarp * kVectorWidth<float>;
  const int64_t partLength = std::max<int64_t>(1, ceilDivide(problem.count, kSumBlocks * kWarps * kRound)) * kRound;
  const unsigned blocks = static_cast<unsigned>(ceilDivide(problem.count, partLength * kWarps));
  const bool vectors = isAligned(problem.parameters) && isAligned(problem.gradient);
  auto* partials = static_cast<SquareSums*>(scratch);
  if (blocks > 0) {
    launch("segmentSquares", vectors ? segmentSquares<4> : segmentSquares<1>, blocks, kThreads, stream, problem,
           partLength, partials);
  }
  launch("trustRatios", trustRatios, static_cast<unsigned>(ceilDivide(problem.segments, kWarps)), kThreads, stream,
         problem, partLength, partials);
}

}  // namespace saturnn::cuda
