// The second kernel of the sums per channel: adds the partial sums of the blocks.
#include "cuda/kernels/common/column_sums.cuh"

namespace saturnn::cuda {
namespace {

constexpr int kSumColumns = 32;
constexpr int kSumRows = 16;

// partials [blocks, channels] -> total [channels]
__global__ void __launch_bounds__(kSumColumns* kSumRows)
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

}  // namespace

void launchColumnSums(const float* partials, float* total, int64_t blocks, int64_t channels, cudaStream_t stream) {
  launch("sumPartials", sumPartials, static_cast<unsigned>(ceilDivide(channels, kSumColumns)),
         dim3(kSumColumns, kSumRows), stream, partials, total, blocks, channels);
}

}  // namespace saturnn::cuda
