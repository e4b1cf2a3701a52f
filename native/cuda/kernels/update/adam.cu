// Adam and AdamW over the whole, flat parameter arena, 28 bytes per parameter. The numbers that depend on the step
// counter are computed once, in double, by a kernel of one thread: so the arguments of a launch are the same in every
// step.
#include "cuda/kernels/common/flat.cuh"
#include "cuda/kernels/update/overflow.cuh"
#include "cuda/kernels/update/segments.cuh"
#include "shared/updates.h"

namespace saturnn::cuda {
namespace {

__global__ void adamCorrections(const __grid_constant__ AdamStep step) {
  const double steps = step.counter[1] + 1.0;
  step.corrections->stepSize = *step.learningRate / biasCorrection(step.firstRate, steps);
  step.corrections->inverse = static_cast<float>(1.0 / sqrt(biasCorrection(step.secondRate, steps)));
}

template <int Width, bool HasTable>
__global__ void __launch_bounds__(kThreads) adam(const __grid_constant__ AdamStep step) {
  forElements<Width>(step.count, [&](auto width, int64_t first) {
    constexpr int kWidth = decltype(width)::value;
    // All loads are issued before the gate is tested: otherwise each block would wait for memory twice.
    const Vector<kWidth> gradient = load<kWidth>(step.gradient + first);
    Vector<kWidth> parameter = load<kWidth>(step.parameters + first);
    Vector<kWidth> firstMoment = load<kWidth>(step.firstMoment + first);
    Vector<kWidth> secondMoment = load<kWidth>(step.secondMoment + first);
    const float scale = factorOf(step.scale);
    const double learningRate = *step.learningRate;
    const AdamCorrections corrections = *step.corrections;
    if (*step.gate != 0 || isSkipped(step.flag, step.skip)) return;
    const AdamFactors factors{step.firstRate, step.secondRate, step.epsilon, corrections.inverse};
    SegmentCursor<HasTable> segment(step.segments, first);
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) {
      if (!segment.moveTo(first + lane)) break;
      const float rate = segment.rate(), decay = segment.decay();
      float& weight = parameter.lane[lane];
      const float direction = directionOf(gradient.lane[lane], scale, step.decoupled ? 0.0f : decay, weight);
      float change = adamChange(direction, factors, static_cast<float>(corrections.stepSize * rate),
                                firstMoment.lane[lane], secondMoment.lane[lane]);
      const float shrink = step.decoupled ? static_cast<float>(learningRate * rate * decay) : 0.0f;
      if (shrink != 0.0f) change += shrink * weight;
      weight -= change;
    }
    if (step.flag != nullptr) {
      if (!(mayBeWritten(parameter) && mayBeWritten(firstMoment) && mayBeWritten(secondMoment))) *step.flag = 1;
      return;
    }
    store<kWidth>(step.parameters + first, parameter);
    store<kWidth>(step.firstMoment + first, firstMoment);
    store<kWidth>(step.secondMoment + first, secondMoment);
  });
}

}  // namespace

void launchAdam(const AdamStep& step, cudaStream_t stream) {
  if (step.count == 0) return;
  const int width = flatWidth({step.parameters, step.firstMoment, step.secondMoment, step.gradient});
  const bool vectors = width > 1, table = step.segments.ends != nullptr;
  const auto kernel = vectors ? (table ? adam<4, true> : adam<4, false>) : (table ? adam<1, true> : adam<1, false>);
  launch("adamCorrections", adamCorrections, 1, 1, stream, step);
  launch("adam", kernel, flatBlocks(step.count, width), kThreads, stream, step);
}

}  // namespace saturnn::cuda
