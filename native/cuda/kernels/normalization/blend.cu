// blend: the update of running statistics.
#include "cuda/kernels/common/flat.cuh"

namespace saturnn::cuda {
namespace {

template <int Width>
__global__ void __launch_bounds__(kThreads)
    blend(const float* old, float keep, const float* value, float take, float* y, int64_t count) {
  forElements<Width>(count, [&](auto width, int64_t first) {
    constexpr int kWidth = decltype(width)::value;
    Vector<kWidth> result = load<kWidth>(old + first);
    const Vector<kWidth> next = load<kWidth>(value + first);
#pragma unroll
    for (int lane = 0; lane < kWidth; ++lane) result.lane[lane] = keep * result.lane[lane] + take * next.lane[lane];
    store<kWidth>(y + first, result);
  });
}

}  // namespace

void launchBlend(const float* old, float keep, const float* value, float take, float* y, int64_t count,
                 cudaStream_t stream) {
  if (count == 0) return;
  const int width = flatWidth({old, value, y});
  launch("blend", width > 1 ? blend<4> : blend<1>, flatBlocks(count, width), kThreads, stream, old, keep, value, take,
         y, count);
}

}  // namespace saturnn::cuda
