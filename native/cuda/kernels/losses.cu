// The mean of a loss of every element of a prediction, over the rows whose label is not negative and their columns, and
// its gradient. With weights, the losses of each row are multiplied by its weight; the mean still divides by the number
// of rows. The order of the sum depends on the shape alone.
#include "cuda/kernels/common/block_sum.cuh"
#include "cuda/kernels/losses.h"

namespace saturnn::cuda {
namespace {

// Whether the row counts, and its weight.
struct Row {
  bool counts;
  float weight;
};
__device__ __forceinline__ Row rowOf(const LossOperands& operands, int64_t index) {
  const int64_t row = index / operands.shape.columns;
  return {operands.labels == nullptr || operands.labels[row] >= 0,
          operands.weights == nullptr ? 1.0f : operands.weights[row]};
}

__device__ __forceinline__ float targetOf(const LossOperands& operands, int64_t index) {
  return operands.target == nullptr ? 0.0f : operands.target[index];
}

__global__ void __launch_bounds__(kThreads)
    sumLosses(const __grid_constant__ LossOperands operands, double* __restrict__ partials) {
  const auto [kind, rows, columns] = operands.shape;
  double sum = 0.0;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < rows * columns;
       i += int64_t{gridDim.x} * kThreads) {
    const Row row = rowOf(operands, i);
    const float loss = elementLoss(kind, operands.prediction[i], targetOf(operands, i));
    if (row.counts) sum += double{loss} * row.weight;
  }
  sum = sumOfBlock(sum);
  if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

// Must be called by all threads of the only block. Returns the number of elements that count; complete in thread 0.
__device__ __forceinline__ double countElements(const LossOperands& operands) {
  if (operands.labels == nullptr) return static_cast<double>(operands.shape.rows * operands.shape.columns);
  double count = 0.0;
  for (int64_t row = threadIdx.x; row < operands.shape.rows; row += kThreads) count += operands.labels[row] >= 0;
  return sumOfBlock(count) * static_cast<double>(operands.shape.columns);
}

__global__ void __launch_bounds__(kThreads)
    meanLoss(const __grid_constant__ LossOperands operands, const double* __restrict__ partials, int blocks,
             float* __restrict__ loss) {
  double sum = 0.0;
  for (int block = threadIdx.x; block < blocks; block += kThreads) sum += partials[block];
  sum = sumOfBlock(sum);
  const double count = countElements(operands);
  if (threadIdx.x == 0) *loss = count == 0.0 ? 0.0f : static_cast<float>(sum / count);
}

__global__ void __launch_bounds__(kThreads)
    gradientFactor(const __grid_constant__ LossOperands operands, const float* __restrict__ dloss,
                   float* __restrict__ factor) {
  const double count = countElements(operands);
  if (threadIdx.x == 0) *factor = *dloss / static_cast<float>(count);
}

__global__ void __launch_bounds__(kThreads)
    lossGradients(const __grid_constant__ LossOperands operands, const float* __restrict__ factor,
                  float* __restrict__ dprediction) {
  const auto [kind, rows, columns] = operands.shape;
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= rows * columns) return;
  const Row row = rowOf(operands, i);
  const float slope = elementLossSlope(kind, operands.prediction[i], targetOf(operands, i));
  dprediction[i] = row.counts ? *factor * row.weight * slope : 0.0f;
}

unsigned blocksOf(const LossOperands& operands) {
  return static_cast<unsigned>(ceilDivide(operands.shape.rows * operands.shape.columns, kThreads));
}

}  // namespace

void launchElementLoss(const LossOperands& operands, float* loss, double* partials, cudaStream_t stream) {
  const unsigned blocks = std::min<unsigned>(kSumBlocks, blocksOf(operands));
  launch("elementLoss", sumLosses, blocks, kThreads, stream, operands, partials);
  launch("meanElementLoss", meanLoss, 1, kThreads, stream, operands, partials, static_cast<int>(blocks), loss);
}

void launchElementLossGradient(const LossOperands& operands, const float* dloss, float* dprediction, float* factor,
                               cudaStream_t stream) {
  launch("lossGradientFactor", gradientFactor, 1, kThreads, stream, operands, dloss, factor);
  launch("elementLossGradient", lossGradients, blocksOf(operands), kThreads, stream, operands, factor, dprediction);
}

}  // namespace saturnn::cuda
