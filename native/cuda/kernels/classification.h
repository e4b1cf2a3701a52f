// Launchers of kernels/classification.cu, for classification.cc.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace saturnn::cuda {

// Logits and probabilities [rows, classes], a label per row, a weight per row unless `weights` is null, and target
// probabilities [rows, classes] in place of the labels unless `targets` is null.
struct Classification {
  const int32_t* labels;
  const float *weights, *targets;
  int64_t rows, classes;
};
// `losses` holds `rows` doubles; `probabilities` may be null.
void launchSoftmaxCrossEntropy(const Classification& batch, const float* logits, float smoothing, float* loss,
                               float* probabilities, double* losses, cudaStream_t stream);
void launchSoftmaxCrossEntropyGradient(const Classification& batch, const float* probabilities, const float* dloss,
                                       float smoothing, float* dlogits, cudaStream_t stream);
// `correct` holds `rows` numbers.
void launchCountCorrect(const Classification& batch, const float* logits, int k, float* count, int32_t* correct,
                        cudaStream_t stream);

}  // namespace saturnn::cuda
