// Softmax cross-entropy with integer labels or target probabilities, and its gradient. The loss is the mean over the rows
// whose label is not negative. A label that is too large makes it NaN, which finiteCheck reports; it is never used as an
// index. With label smoothing e the target is 1 - e for the label, plus e spread evenly over all classes. Target
// probabilities take the place of the label, which then only says whether the row counts. With weights, the loss of each
// row is multiplied by its weight; the mean still divides by the number of rows.
//
// countCorrect: the number of rows whose label is among the k largest logits. Of equal logits the first counts as
// larger. Rows with a NaN, with label -1 or with a label beyond the classes are not counted.
//
// Each row of logits has a warp, or a block if it is long. Lane `threadIdx.x` of a row reads every Lanes-th class; the
// results of the lanes are combined in a fixed tree that gives every lane the same bits.
#include "cuda/kernels/classification.h"
#include "cuda/kernels/common/rows.cuh"
#include "shared/arithmetic.h"

namespace saturnn::cuda {
namespace {

constexpr int kWarp = 32;
constexpr int kLongRow = 2048;     // with this many classes or more a row has a block
constexpr int kClassBlocks = 528;  // at most, because each counts all labels, or loops over rows

// Combines the values of all lanes of a row. Must be called by every thread of the block.
template <int Lanes, class Value, class Combine>
__device__ __forceinline__ Value overRow(Value value, Combine combine) {
#pragma unroll
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    value = combine(value, __shfl_xor_sync(0xffffffffu, value, distance));
  }
  if constexpr (Lanes > kWarp) {
    static_assert(Lanes == kThreads, "a warp or a block per row");
    __shared__ Value shared[Lanes / kWarp];
    if (threadIdx.x % kWarp == 0) shared[threadIdx.x / kWarp] = value;
    __syncthreads();
    value = shared[0];
    for (int warp = 1; warp < Lanes / kWarp; ++warp) value = combine(value, shared[warp]);
    __syncthreads();  // before the next use of `shared`
  }
  return value;
}

struct Sum {
  template <class Value>
  __device__ __forceinline__ Value operator()(Value a, Value b) const {
    return a + b;
  }
};

// The maximum; NaN only if all values are.
struct LargestNumber {
  __device__ __forceinline__ float operator()(float a, float b) const { return b > a || a != a ? b : a; }
};

// Returns the first row of this thread; its next rows are `rowsPerStep` apart.
template <int Lanes>
__device__ __forceinline__ int64_t firstRow() {
  return int64_t{blockIdx.x} * (kThreads / Lanes) + threadIdx.y;
}
template <int Lanes>
__device__ __forceinline__ int64_t rowsPerStep() {
  return int64_t{gridDim.x} * (kThreads / Lanes);
}

// Calls function(lanes as an integral constant, grid, block).
template <class Function>
void withLanes(const Classification& batch, Function&& function) {
  const auto run = [&](auto lanes) {
    constexpr int kLanes = decltype(lanes)::value;
    const int64_t blocks = std::min<int64_t>(kClassBlocks, ceilDivide(batch.rows, kThreads / kLanes));
    function(lanes, dim3(static_cast<unsigned>(blocks)), dim3(kLanes, kThreads / kLanes));
  };
  if (batch.classes < kLongRow) {
    run(std::integral_constant<int, kWarp>{});
  } else {
    run(std::integral_constant<int, kThreads>{});
  }
}

__device__ __forceinline__ float notANumber() { return __int_as_float(0x7fc00000); }

// The lane's part of the loss of a row's target probabilities. A class without a share has no term, because 0 times
// infinity is NaN.
template <int Lanes>
__device__ __forceinline__ double softLossOf(const Classification& batch, const float* x, int64_t row, int64_t classes,
                                             float smoothing, double logSum, double maximum) {
  double loss = 0.0;
  for (int64_t k = threadIdx.x; k < classes; k += Lanes) {
    const double share =
        (1.0 - smoothing) * batch.targets[row * batch.classes + k] + double{smoothing} / double(batch.classes);
    if (share != 0.0) loss += share * (logSum + (maximum - x[k]));
  }
  return loss;
}

// Computes losses[row], 0 if the label is negative, and the probabilities unless they are null.
template <int Lanes>
__global__ void __launch_bounds__(kThreads)
    softmaxRows(const __grid_constant__ Classification batch, const float* __restrict__ logits, float smoothing,
                float* __restrict__ probabilities, double* __restrict__ losses) {
  const int64_t step = rowsPerStep<Lanes>();
  // All threads of a block take as many steps, because they meet in overRow.
  for (int64_t row = firstRow<Lanes>(), first = row - threadIdx.y; first < batch.rows; row += step, first += step) {
    const bool inside = row < batch.rows;
    const int64_t classes = inside ? batch.classes : 0;
    const float* x = logits + row * batch.classes;

    // A comparison with NaN is false, so NaN does not become the maximum; e^(x - maximum) keeps it.
    float maximum = notANumber();
    double total = 0.0;
    for (int64_t k = threadIdx.x; k < classes; k += Lanes) {
      maximum = LargestNumber{}(maximum, x[k]);
      if (smoothing != 0.0f) total += x[k];
    }
    maximum = overRow<Lanes>(maximum, LargestNumber{});
    if (smoothing != 0.0f) total = overRow<Lanes>(total, Sum{});

    float sum = 0.0f;
    for (int64_t k = threadIdx.x; k < classes; k += Lanes) sum += exponential(x[k] - maximum);
    sum = overRow<Lanes>(sum, Sum{});

    if (probabilities) {
      const float scale = 1.0f / sum;
      for (int64_t k = threadIdx.x; k < classes; k += Lanes) {
        probabilities[row * batch.classes + k] = exponential(x[k] - maximum) * scale;
      }
    }
    const double logSum = log(double{sum});
    double softLoss = 0.0;
    if (batch.targets) {
      softLoss = softLossOf<Lanes>(batch, x, row, classes, smoothing, logSum, maximum);
      softLoss = overRow<Lanes>(softLoss, Sum{});
    }
    if (!inside || threadIdx.x != 0) continue;
    const int32_t label = batch.labels[row];
    double loss = label < 0 ? 0.0 : double{notANumber()};
    if (label >= 0 && label < batch.classes) {
      // The logit that the loss increases: the label's, mixed with the mean of all logits by the label smoothing.
      double target = x[label];
      if (smoothing != 0.0f) target = (1.0 - smoothing) * target + smoothing * (total / double(batch.classes));
      // Computed from the logits, so that the loss is finite even if the probability underflows.
      loss = batch.targets ? softLoss : logSum + (double{maximum} - target);
      if (batch.weights) loss *= batch.weights[row];
    }
    losses[row] = loss;
  }
}

// Runs in one block: the mean of the losses over the rows that count, 0 if there are none.
__global__ void __launch_bounds__(kThreads) meanLoss(const __grid_constant__ Classification batch,
                                                     const double* __restrict__ losses, float* __restrict__ loss) {
  double sum = 0.0;
  int64_t count = 0;
  for (int64_t row = threadIdx.x; row < batch.rows; row += kThreads) {
    sum += losses[row];
    count += batch.labels[row] >= 0;
  }
  sum = overRow<kThreads>(sum, Sum{});
  count = overRow<kThreads>(count, Sum{});
  if (threadIdx.x == 0) *loss = count == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(count));
}

// Returns the number of labels that are not negative, in every thread of the block.
template <int Lanes>
__device__ __forceinline__ int64_t countLabels(const Classification& batch) {
  __shared__ int64_t shared[kThreads / kWarp];
  const int self = threadIdx.y * Lanes + threadIdx.x;
  int64_t count = 0;
  for (int64_t row = self; row < batch.rows; row += kThreads) count += batch.labels[row] >= 0;
  count = overRow<kWarp>(count, Sum{});
  if (self % kWarp == 0) shared[self / kWarp] = count;
  __syncthreads();
  count = 0;
  for (int warp = 0; warp < kThreads / kWarp; ++warp) count += shared[warp];
  return count;
}

// The sum of a row's target probabilities after smoothing, in every lane. All lanes of the row must call it.
template <int Lanes>
__device__ __forceinline__ float sumOfTargets(const float* t, int64_t classes, float smoothing) {
  double sum = 0.0;
  for (int64_t k = threadIdx.x; k < classes; k += Lanes) sum += t[k];
  return static_cast<float>((1.0 - smoothing) * overRow<Lanes>(sum, Sum{}) + smoothing);
}

template <int Lanes>
__global__ void __launch_bounds__(kThreads)
    softmaxGradientRows(const __grid_constant__ Classification batch, const float* __restrict__ probabilities,
                        const float* __restrict__ dloss, float smoothing, float* __restrict__ dlogits) {
  const float factor = *dloss / static_cast<float>(countLabels<Lanes>(batch));
  const float everywhere = smoothing / static_cast<float>(batch.classes);
  for (int64_t row = firstRow<Lanes>(); row < batch.rows; row += rowsPerStep<Lanes>()) {
    const int32_t label = batch.labels[row];
    const float* p = probabilities + row * batch.classes;
    float* gradient = dlogits + row * batch.classes;
    const float scale = batch.weights ? factor * batch.weights[row] : factor;
    const float* t = batch.targets ? batch.targets + row * batch.classes : nullptr;
    float whole = 1.0f;
    if (t) whole = sumOfTargets<Lanes>(t, batch.classes, smoothing);
    for (int64_t k = threadIdx.x; k < batch.classes; k += Lanes) {
      const float share = t ? t[k] : k == label ? 1.0f : 0.0f;
      const float value = p[k] * whole - everywhere - (1.0f - smoothing) * share;
      gradient[k] = label < 0 ? 0.0f : label < batch.classes ? value * scale : notANumber();
    }
  }
}

template <int Lanes>
__global__ void __launch_bounds__(kThreads)
    correctRows(const __grid_constant__ Classification batch, const float* __restrict__ logits, int k,
                int32_t* __restrict__ correct) {
  const int64_t step = rowsPerStep<Lanes>();
  // All threads of a block take as many steps, because they meet in overRow.
  for (int64_t row = firstRow<Lanes>(), first = row - threadIdx.y; first < batch.rows; row += step, first += step) {
    const int32_t label = row < batch.rows ? batch.labels[row] : -1;
    const bool usable = label >= 0 && label < batch.classes;
    const float* x = logits + row * batch.classes;
    const float own = usable ? x[label] : 0.0f;
    int64_t before = 0;
    for (int64_t c = threadIdx.x; usable && c < batch.classes; c += Lanes) {
      const float value = x[c];
      before += value > own || (value == own && c < label);
      if (value != value) before = INT32_MAX;  // more than any k; the sum of all lanes stays far from overflow
    }
    before = overRow<Lanes>(before, Sum{});
    if (row < batch.rows && threadIdx.x == 0) correct[row] = usable && before < k;
  }
}

__global__ void __launch_bounds__(kThreads)
    sumCorrect(const int32_t* __restrict__ correct, int64_t rows, float* __restrict__ count) {
  int64_t sum = 0;
  for (int64_t row = threadIdx.x; row < rows; row += kThreads) sum += correct[row];
  sum = overRow<kThreads>(sum, Sum{});
  if (threadIdx.x == 0) *count = static_cast<float>(sum);
}

}  // namespace

void launchSoftmaxCrossEntropy(const Classification& batch, const float* logits, float smoothing, float* loss,
                               float* probabilities, double* losses, cudaStream_t stream) {
  withLanes(batch, [&](auto lanes, dim3 grid, dim3 block) {
    launch("softmaxCrossEntropy", softmaxRows<decltype(lanes)::value>, grid, block, stream, batch, logits, smoothing,
           probabilities, losses);
  });
  launch("meanLoss", meanLoss, 1, kThreads, stream, batch, losses, loss);
}

void launchSoftmaxCrossEntropyGradient(const Classification& batch, const float* probabilities, const float* dloss,
                                       float smoothing, float* dlogits, cudaStream_t stream) {
  withLanes(batch, [&](auto lanes, dim3 grid, dim3 block) {
    launch("softmaxCrossEntropyGradient", softmaxGradientRows<decltype(lanes)::value>, grid, block, stream, batch,
           probabilities, dloss, smoothing, dlogits);
  });
}

void launchCountCorrect(const Classification& batch, const float* logits, int k, float* count, int32_t* correct,
                        cudaStream_t stream) {
  withLanes(batch, [&](auto lanes, dim3 grid, dim3 block) {
    launch("countCorrect", correctRows<decltype(lanes)::value>, grid, block, stream, batch, logits, k, correct);
  });
  launch("sumCorrect", sumCorrect, 1, kThreads, stream, correct, batch.rows, count);
}

}  // namespace saturnn::cuda
