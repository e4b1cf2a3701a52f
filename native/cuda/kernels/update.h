// Launchers of kernels/update/ that take a struct, for update.cc.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace saturnn::cuda {

// Rate (a factor on the learning rate) and weight decay of the elements of the parameter arena. Segment s of `count` is
// from ends[s - 1] to ends[s] - 1; elements in no segment are not changed. Without a table (ends is null) the rate is
// 1, and the first `decayed` elements have the decay `weightDecay`.
struct Segments {
  const int32_t* ends;
  const float* rates;
  const float* decays;
  int32_t count;
  float weightDecay;
  int64_t decayed;
};

// m = momentum m - learningRate (scale g + decay w), w += m; with Nesterov w += momentum m - learningRate (...).
// Nothing is written if *gate is not 0. A null scale is 1. With a `flag`, nothing else is written: *flag becomes 1 if *gate
// is not 0, or if *skip is 0 (or null) and a new value is none that mayBeWritten(); else 0.
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
  int32_t* flag;
  const int32_t* skip;
};
void launchSgd(const SgdStep& step, cudaStream_t stream);

// Adam or AdamW as in lib/ops. Gate, scale, flag and skip as in SgdStep; counter = {seed, steps done}.
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
  int32_t* flag;
  const int32_t* skip;
};
void launchAdam(const AdamStep& step, cudaStream_t stream);

// ratios[s] = trustRatio of segment s, or its rate if it ends beyond `trusted`. The scratch must have
// trustRatiosScratch() bytes.
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

}  // namespace saturnn::cuda
