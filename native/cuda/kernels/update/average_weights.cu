// The moving average of the weights: 12 bytes per parameter.
#include "cuda/kernels/common/flat.cuh"
#include "shared/updates.h"

namespace saturnn::cuda {
namespace {

template <int Width>
__global__ void __launch_bounds__(kThreads)
    averageWeights(const int32_t* __restrict__ gate, const uint32_t* __restrict__ counter, float* average,
                   const float* parameters, int64_t count, float rate) {
  forElements<Width>(count, [&](auto width, int64_t first) {
    constexpr int kWidth = decltype(width)::value;
    Vector<kWidth> mean = load<kWidth>(average + first);
    const Vector<kWidth> parameter = load<kWidth>(parameters + first);
    const float taken = averageRate(rate, counter[1]);
    if (*gate != 0) return;
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) mean.lane[lane] += taken * (parameter.lane[lane] - mean.lane[lane]);
    store<kWidth>(average + first, mean);
  });
}

}  // namespace

void launchAverageWeights(const int32_t* gate, const int32_t* counter, float* average, const float* parameters,
                          int64_t count, float rate, cudaStream_t stream) {
  if (count == 0) return;
  const int width = flatWidth({average, parameters});
  launch("averageWeights", width > 1 ? averageWeights<4> : averageWeights<1>, flatBlocks(count, width), kThreads,
         stream, gate, reinterpret_cast<const uint32_t*>(counter), average, parameters, count, rate);
}

}  // namespace saturnn::cuda
