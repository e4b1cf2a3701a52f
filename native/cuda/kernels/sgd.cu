// SGD with momentum and weight decay over the whole, flat parameter arena: one kernel per step, 20 bytes a parameter.
#include "rows.cuh"

namespace saturnn {
namespace {

__device__ __forceinline__ void update(const SgdStep& step, float learningRate, int64_t index, float gradient,
                                       float& parameter, float& momentum) {
  if (index < step.decayed) gradient += step.weightDecay * parameter;
  momentum = step.momentumFactor * momentum - learningRate * gradient;
  parameter += momentum;
}

template <int Width>
__global__ void __launch_bounds__(kThreads) sgd(const __grid_constant__ SgdStep step) {
  if (*step.gate != 0) return;
  const float learningRate = *step.learningRate;
  const int64_t first = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * Width;
  if (first + Width <= step.count) {
    const Vector<Width> gradient = load<Width>(step.gradient + first);
    Vector<Width> parameter = load<Width>(step.parameters + first);
    Vector<Width> momentum = load<Width>(step.momentum + first);
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) {
      update(step, learningRate, first + lane, gradient.lane[lane], parameter.lane[lane], momentum.lane[lane]);
    }
    store<Width>(step.parameters + first, parameter);
    store<Width>(step.momentum + first, momentum);
    return;
  }
  for (int64_t index = first; index < step.count; ++index) {
    update(step, learningRate, index, step.gradient[index], step.parameters[index], step.momentum[index]);
  }
}

}  // namespace

void launchSgd(const SgdStep& step, cudaStream_t stream) {
  if (step.count == 0) return;
  const bool vectors = isAligned(step.parameters) && isAligned(step.momentum) && isAligned(step.gradient);
  const int width = vectors ? 4 : 1;
  const unsigned blocks = static_cast<unsigned>(ceilDivide(step.count, int64_t{kThreads} * width));
  const auto kernel = vectors ? sgd<4> : sgd<1>;
  launch("sgd", kernel, blocks, kThreads, stream, step);
}

}  // namespace saturnn
