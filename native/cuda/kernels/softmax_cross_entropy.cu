// Softmax cross-entropy with integer labels, and its gradient. The loss is the mean over the rows whose label is not
// negative. A label that is too large makes it NaN, which the finite check then reports, and is never used as an
// address. With label smoothing e the target is 1 - e for the label, and e spread evenly over all classes.
#include "class_rows.cuh"

namespace saturnn {
namespace {

__device__ __forceinline__ float notANumber() { return __int_as_float(0x7fc00000); }

// losses[row], 0 where the label is negative, and probabilities unless they are null.
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

    // NaN never is larger, so it does not become the maximum; it comes through in e^(x - maximum).
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
    if (!inside || threadIdx.x != 0) continue;
    const int32_t label = batch.labels[row];
    double loss = label < 0 ? 0.0 : double{notANumber()};
    if (label >= 0 && label < batch.classes) {
      // The logit that the loss wants large: the label's, and the mean of all as far as labels are smoothed.
      double target = x[label];
      if (smoothing != 0.0f) target = (1.0 - smoothing) * target + smoothing * (total / double(batch.classes));
      // From the logits, so that a probability that underflows still has a finite loss.
      loss = log(double{sum}) + (double{maximum} - target);
    }
    losses[row] = loss;
  }
}

// One block: the mean of the losses over the rows that count, 0 if there are none.
__global__ void __launch_bounds__(kThreads)
    meanLoss(const __grid_constant__ Classification batch, const double* __restrict__ losses, float* __restrict__ loss) {
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

// The number of labels that are not negative, in every thread of the block.
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
    for (int64_t k = threadIdx.x; k < batch.classes; k += Lanes) {
      float value = p[k] - everywhere;
      if (k == label) value -= 1.0f - smoothing;
      gradient[k] = label < 0 ? 0.0f : label < batch.classes ? value * factor : notANumber();
    }
  }
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

}  // namespace saturnn
