// finiteCheck: the norm of the whole gradient, and a flag that closes the gate of all kernels that write state. Squares
// are summed in double, so the norm is infinite only if it exceeds the range of f32.
//
// clipFactor, unscale and adjustLossScale: one thread each, so that the host need not read whether a step has
// overflown.
#include <cmath>

#include "cuda/kernels/common/block_sum.cuh"
#include "cuda/kernels/common/rows.cuh"
#include "cuda/kernels/scaling.h"
#include "shared/loss_scale.h"
#include "shared/updates.h"

namespace saturnn::cuda {
namespace {

template <int Width>
__global__ void __launch_bounds__(kThreads)
    sumSquares(const float* __restrict__ gradient, int64_t count, double* __restrict__ partials) {
  double sum = 0.0;
  const int64_t vectors = count / Width;
  const int64_t threads = int64_t{kSumBlocks} * kThreads;
  const int64_t self = int64_t{blockIdx.x} * kThreads + threadIdx.x;
#pragma unroll 4
  for (int64_t index = self; index < vectors; index += threads) {
    const Vector<Width> value = load<Width>(gradient + index * Width);
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) sum += double{value.lane[lane]} * value.lane[lane];
  }
  const int64_t rest = vectors * Width + self;
  if (rest < count) sum += double{gradient[rest]} * gradient[rest];
  sum = sumOfBlock(sum);
  if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kThreads) finish(const double* __restrict__ partials, const float* __restrict__ loss,
                                                   int32_t* __restrict__ flag, float* __restrict__ norm) {
  double sum = 0.0;
  for (int block = threadIdx.x; block < kSumBlocks; block += kThreads) sum += partials[block];
  sum = sumOfBlock(sum);
  if (threadIdx.x != 0) return;
  const float length = static_cast<float>(sqrt(sum));
  *norm = length;
  *flag = isfinite(length) && isfinite(*loss) ? 0 : 1;
}

__global__ void clipByNorm(const float* __restrict__ norm, float limit, float* __restrict__ factor) {
  *factor = clipFactor(*norm, limit);
}

__global__ void unscaleNumbers(const UnscaleStep step) {
  const Unscaled result = unscale(*step.loss, *step.overflow, *step.scaledNorm, *step.scale, step.limit);
  *step.halt = result.halt;
  *step.norm = result.norm;
  *step.factor = result.factor;
}

__global__ void adjustScale(const int32_t* gate, const int32_t* overflow, float* scale, float* steps, float interval) {
  if (*gate == 0) adjustLossScale(*overflow, interval, scale, steps);
}

}  // namespace

void launchFiniteCheck(const float* loss, const float* gradient, int64_t count, int32_t* flag, float* norm,
                       double* partials, cudaStream_t stream) {
  const auto kernel = isAligned(gradient) ? sumSquares<4> : sumSquares<1>;
  launch("sumSquares", kernel, kSumBlocks, kThreads, stream, gradient, count, partials);
  launch("finiteCheck", finish, 1, kThreads, stream, partials, loss, flag, norm);
}

void launchClipFactor(const float* norm, float limit, float* factor, cudaStream_t stream) {
  launch("clipFactor", clipByNorm, 1, 1, stream, norm, limit, factor);
}

void launchUnscale(const UnscaleStep& step, cudaStream_t stream) {
  launch("unscale", unscaleNumbers, 1, 1, stream, step);
}

void launchAdjustLossScale(const int32_t* gate, const int32_t* overflow, float* scale, float* steps, float interval,
                           cudaStream_t stream) {
  launch("adjustLossScale", adjustScale, 1, 1, stream, gate, overflow, scale, steps, interval);
}

}  // namespace saturnn::cuda
