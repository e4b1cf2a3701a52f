// The few numbers of loss scaling, by one thread each: no host is asked whether a step has overflown.
#include "../../loss_scale.h"

#include "rows.cuh"

namespace saturnn {
namespace {

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

void launchUnscale(const UnscaleStep& step, cudaStream_t stream) {
  launch("unscale", unscaleNumbers, 1, 1, stream, step);
}

void launchAdjustLossScale(const int32_t* gate, const int32_t* overflow, float* scale, float* steps, float interval,
                           cudaStream_t stream) {
  launch("adjustLossScale", adjustScale, 1, 1, stream, gate, overflow, scale, steps, interval);
}

}  // namespace saturnn
