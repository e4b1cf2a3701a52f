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

// latch.cu: an open gate counts in halt[1]. One that is closed, or was closed in an earlier step, which halt[0] says,
// closes *gate and, unless it is null, *skip.
void launchLatch(int32_t* gate, int32_t* skip, int32_t* halt, cudaStream_t stream);

}  // namespace saturnn
