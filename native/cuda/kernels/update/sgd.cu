// SGD with momentum and weight decay over the whole, flat parameter arena: one kernel per step, 20 bytes per parameter.
#include "cuda/kernels/common/flat.cuh"
#include "cuda/kernels/update/overflow.cuh"
#include "cuda/kernels/update/segments.cuh"
#include "shared/updates.h"

namespace saturnn::cuda {
namespace {

template <int Width, bool HasTable>
__global__ void __launch_bounds__(kThreads) sgd(const __grid_constant__ SgdStep step) {
  forElements<Width>(step.count, [&](auto width, int64_t first) {
    constexpr int kWidth = decltype(width)::value;
    // All loads are issued before the gate is tested: otherwise each block would wait for memory twice.
    const Vector<kWidth> gradient = load<kWidth>(step.gradient + first);
    Vector<kWidth> parameter = load<kWidth>(step.parameters + first);
    Vector<kWidth> momentum = load<kWidth>(step.momentum + first);
    const float scale = factorOf(step.scale);
    const float learningRate = *step.learningRate;
    if (*step.gate != 0 || isSkipped(step.flag, step.skip)) return;
    SegmentCursor<HasTable> segment(step.segments, first);
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) {
      if (!segment.moveTo(first + lane)) break;
      float& weight = parameter.lane[lane];
      const float direction = directionOf(gradient.lane[lane], scale, segment.decay(), weight);
      sgdElement(direction, step.momentumFactor, learningRate * segment.rate(), step.nesterov, weight,
                 momentum.lane[lane]);
    }
    if (step.flag != nullptr) {
      if (!(mayBeWritten(parameter) && mayBeWritten(momentum))) *step.flag = 1;
      return;
    }
    store<kWidth>(step.parameters + first, parameter);
    store<kWidth>(step.momentum + first, momentum);
  });
}

}  // namespace

void launchSgd(const SgdStep& step, cudaStream_t stream) {
  if (step.count == 0) return;
  const int width = flatWidth({step.parameters, step.momentum, step.gradient});
  const bool vectors = width > 1, table = step.segments.ends != nullptr;
  const auto kernel = vectors ? (table ? sgd<4, true> : sgd<4, false>) : (table ? sgd<1, true> : sgd<1, false>);
  launch("sgd", kernel, flatBlocks(step.count, width), kThreads, stream, step);
}

}  // namespace saturnn::cuda
