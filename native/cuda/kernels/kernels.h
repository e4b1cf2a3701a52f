// The launchers of this backend's own kernels: plain functions that enqueue on a stream, called from the op files
// (C++).
//
// Images are f32, bf16 or f16, everything else f32 unless said otherwise. They are seen as rows x channels: element (r, c)
// lies at data[r * stride + c], and `data` points to elements of `dtype`. So a slice of the channels of a wider image is
// a view whose stride is wider than its channel count. The images of one launch have one dtype. Every kernel has a
// variant with 16-byte loads and stores, taken when all pointers and strides allow it, and one without.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "../../operands.h"

namespace saturnn {

struct Rows {
  void* data;
  int64_t stride;
  SnDType dtype;
};

struct ConstRows {
  const void* data;
  int64_t stride;
  SnDType dtype;
};

// channel_map.cu: y = f(x + bias); kind SN_NO_ACTIVATION is the identity, a null bias adds nothing. y may be x.
void launchChannelMap(int kind, float slope, ConstRows x, const float* bias, Rows y, int64_t rows, int64_t channels,
                      cudaStream_t stream);

// channel_map.cu: y = x, one of them f32 and the other bf16 or f16.
void launchConvertRows(ConstRows x, Rows y, int64_t rows, int64_t channels, cudaStream_t stream);

// fit.cu: y = x where x has an element, else 0. Same dtype, or one of them f32 and the other bf16 or f16.
void launchFit(ConstRows x, int64_t xRows, int64_t xChannels, Rows y, int64_t yRows, int64_t yChannels,
               cudaStream_t stream);

// channel_gradient.cu: dx = dy f'(y), and dbias[c] = the sum of dx over the rows, each unless its pointer is null.
// dx may be dy. With kind SN_NO_ACTIVATION y is not read, and f' is 1. `partials` holds kSumBlocks * channels floats.
constexpr int kSumBlocks = 528;
void launchChannelGradient(int kind, float slope, ConstRows dy, ConstRows y, Rows dx, float* dbias, float* partials,
                           int64_t rows, int64_t channels, cudaStream_t stream);

// add.cu: y = the sum of `count` inputs, in their order. y may be the first.
constexpr int kMostAddends = 8;
struct Addends {
  ConstRows inputs[kMostAddends];
};
void launchAdd(const Addends& addends, int count, Rows y, int64_t rows, int64_t channels, cudaStream_t stream);

// max_pool.cu, average_pool.cu and their gradients: images [batch, height, width, channels] before and
// [batch, outputHeight, outputWidth, channels] after pooling; every window holds a pixel of the image.
struct PoolShape {
  int64_t batch, channels;
  int32_t height, width, outputHeight, outputWidth;
  SnPoolAttributes windows;
};
constexpr int kLongestPoolHeight = 65535;
// indices, dense and like y: the position of each maximum in its unclipped window, row by row; null if nobody asks.
void launchMaxPool(const PoolShape& shape, ConstRows x, Rows y, uint8_t* indices, cudaStream_t stream);
void launchMaxPoolGradient(const PoolShape& shape, ConstRows dy, const uint8_t* indices, Rows dx, cudaStream_t stream);
void launchAveragePool(const PoolShape& shape, ConstRows x, Rows y, cudaStream_t stream);
void launchAveragePoolGradient(const PoolShape& shape, ConstRows dy, Rows dx, cudaStream_t stream);

// global_average_pool.cu: y[n, c] = the mean of x over the `pixels` of image n; dx = dy / pixels in every pixel.
void launchGlobalAveragePool(ConstRows x, float* y, int64_t batch, int64_t pixels, int64_t channels,
                             cudaStream_t stream);
void launchGlobalAveragePoolGradient(const float* dy, Rows dx, int64_t batch, int64_t pixels, int64_t channels,
                                     cudaStream_t stream);

// softmax_cross_entropy.cu, count_correct.cu: logits and probabilities [rows, classes], a label per row.
struct Classification {
  const int32_t* labels;
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

// augment.cu: y = (pixel - mean) inverseDeviation for crops of the chosen images; all NaN for an index that is none.
struct Augmentation {
  const uint8_t* images;   // [count, height, width, channels]
  const int32_t* indices;  // [batch]
  const int32_t* counter;  // seed and step; null: the crops are in the centre
  const float* mean;       // [channels], or [height, width, channels]
  const float* inverseDeviation;
  int64_t count, batch;
  int32_t height, width, cropHeight, cropWidth, channels;
  bool meanPerPixel;
};
constexpr int kLongestCrop = 65535;
void launchAugment(const Augmentation& augmentation, Rows y, cudaStream_t stream);

// Rate (a factor on the learning rate) and weight decay of the elements of the parameter arena. Segment s of `count` goes
// from ends[s - 1] to before ends[s]; what none covers is left alone. Without a table (ends is null) the rate is 1, and
// `weightDecay` is that of the first `decayed` elements.
struct Segments {
  const int32_t* ends;
  const float* rates;
  const float* decays;
  int32_t count;
  float weightDecay;
  int64_t decayed;
};

// sgd.cu: m = momentum m - learningRate (scale g + decay w), w += m; with Nesterov w += momentum m - learningRate (...).
// Nothing is written if *gate is not 0. A null scale is 1.
struct SgdStep {
  const int32_t* gate;
  float* parameters;
  float* momentum;
  const float* gradient;
  const float* learningRate;
  const float* scale;
  Segments segments;
  int64_t count;
  float momentumFactor;
  bool nesterov;
};
void launchSgd(const SgdStep& step, cudaStream_t stream);

// adam.cu: as lib/ops/adam.ts says it. Gate and scale as in SgdStep; counter = {seed, steps done}.
struct AdamCorrections {
  double stepSize;  // learning rate / (1 - beta1^t)
  float inverse;    // 1 / sqrt(1 - beta2^t)
};
struct AdamStep {
  const int32_t* gate;
  float* parameters;
  float* firstMoment;
  float* secondMoment;
  const float* gradient;
  const float* learningRate;
  const uint32_t* counter;
  const float* scale;
  Segments segments;
  AdamCorrections* corrections;  // scratch
  int64_t count;
  float firstRate, secondRate, epsilon;
  bool decoupled;
};
void launchAdam(const AdamStep& step, cudaStream_t stream);

// averages.cu: average += averageRate(rate, steps done) (parameters - average), nothing if *gate is not 0; and
// y = keep old + take value, where y may be old or value.
void launchAverageWeights(const int32_t* gate, const int32_t* counter, float* average, const float* parameters,
                          int64_t count, float rate, cudaStream_t stream);
void launchBlend(const float* old, float keep, const float* value, float take, float* y, int64_t count,
                 cudaStream_t stream);

// trust_ratios.cu: ratios[s] = trustRatio of segment s, or its rate if it ends beyond `trusted`. Scratch: as many bytes
// as trustRatiosScratch says. And factor = min(1, limit / norm).
struct TrustProblem {
  const float* parameters;
  const float* gradient;
  const float* scale;
  const int32_t* ends;
  const float* rates;
  const float* decays;
  float* ratios;
  int64_t count;
  int32_t segments;
  float trust;
  int64_t trusted;
};
int64_t trustRatiosScratch(int segments);
void launchTrustRatios(const TrustProblem& problem, void* scratch, cudaStream_t stream);
void launchClipFactor(const float* norm, float limit, float* factor, cudaStream_t stream);

// batch_norm.cu: y = (x - mean) scale / sqrt(variance + epsilon) + shift. First with mean and variance of x itself, which
// are also written where their pointers are not null; scratch: as many bytes as batchNormScratch says. y may be x.
struct BatchNormProblem {
  ConstRows x;
  Rows y;
  const float *scale, *shift;
  float *mean, *variance;
  float epsilon;
  int64_t rows, channels;
};
int64_t batchNormScratch(int64_t channels);
void launchBatchNorm(const BatchNormProblem& problem, void* scratch, cudaStream_t stream);

struct GivenStatistics {
  const float *mean, *variance, *scale, *shift;
  float epsilon;
};
void launchBatchNormInference(ConstRows x, const GivenStatistics& given, Rows y, int64_t rows, int64_t channels,
                              cudaStream_t stream);

// batch_norm_gradient.cu: dscale and dshift are left out where their pointers are null. dx may be dy. Scratch: as many
// bytes as batchNormGradientScratch says.
struct BatchNormGradientProblem {
  ConstRows dy, x;
  const float *mean, *variance, *scale;
  Rows dx;
  float *dscale, *dshift;
  float epsilon;
  bool frozen;
  int64_t rows, channels;
};
int64_t batchNormGradientScratch(int64_t channels);
void launchBatchNormGradient(const BatchNormGradientProblem& problem, void* scratch, cudaStream_t stream);

// moments.cu: moments = {mean, variance} of all elements. Scratch: as many bytes as momentsScratch says.
int64_t momentsScratch();
void launchMoments(ConstRows x, int64_t rows, int64_t channels, float* moments, void* scratch, cudaStream_t stream);

// dropout.cu: counter = {seed, step}; see SnDropoutAttributes. y may be x.
void launchDropout(ConstRows x, const uint32_t* counter, int32_t stream, float rate, Rows y, int64_t rows,
                   int64_t channels, cudaStream_t cudaStream);

// randomized_relu.cu: slopes are lower + scale times 24 random bits, counter = {seed, step}; a null bias adds nothing,
// a null dbias is left out. y may be x, and dx dy. `partials` holds kSumBlocks * channels floats.
struct SlopeRange {
  const uint32_t* counter;
  int32_t stream;
  float lower, scale;
};
void launchRandomizedRelu(ConstRows x, const float* bias, const SlopeRange& range, Rows y, int64_t rows,
                          int64_t channels, cudaStream_t stream);
void launchRandomizedReluGradient(ConstRows dy, ConstRows y, const SlopeRange& range, Rows dx, float* dbias,
                                  float* partials, int64_t rows, int64_t channels, cudaStream_t stream);

// finite_check.cu: norm = |gradient|, flag = 0 if the norm and the loss are finite, else 1. `partials` holds kSumBlocks
// doubles.
void launchFiniteCheck(const float* loss, const float* gradient, int64_t count, int32_t* flag, float* norm,
                       double* partials, cudaStream_t stream);

// assign.cu: a copy of `bytes`, and counter[1] += 1, neither of them if *gate is not 0 (a null gate is open).
void launchGatedCopy(const int32_t* gate, void* target, const void* source, size_t bytes, cudaStream_t stream);
void launchAdvance(const int32_t* gate, int32_t* counter, cudaStream_t stream);

// loss_scale.cu: the numbers of ../loss_scale.h, one each.
struct UnscaleStep {
  const float* loss;
  const int32_t* overflow;
  const float* scaledNorm;
  const float* scale;
  float limit;
  int32_t* halt;
  float* norm;
  float* factor;
};
void launchUnscale(const UnscaleStep& step, cudaStream_t stream);
void launchAdjustLossScale(const int32_t* gate, const int32_t* overflow, float* scale, float* steps, float interval,
                           cudaStream_t stream);

// gather.cu: copies the first `count` pieces of f32, which do not overlap.
constexpr int kMostPieces = 64;
struct Piece {
  const float* source;
  float* target;
  int64_t count;  // elements
};
struct Pieces {
  Piece pieces[kMostPieces];
};
void launchGather(const Pieces& pieces, int count, cudaStream_t stream);

// latch.cu: an open gate counts in halt[1]. One that is closed, or was closed in an earlier step, which halt[0] says,
// closes *gate and, unless it is null, *skip.
void launchLatch(int32_t* gate, int32_t* skip, int32_t* halt, cudaStream_t stream);

}  // namespace saturnn
