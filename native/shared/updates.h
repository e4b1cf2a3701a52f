// The arithmetic of the weight updates, for the host and for CUDA devices: one element of SGD and of Adam, and the few
// numbers per step or per segment that they need. Internal linkage and forced inline: see arithmetic.h.
#pragma once

#include <math.h>

#include "shared/arithmetic.h"  // SN_INLINE

namespace saturnn {

#ifdef __CUDACC__
SN_INLINE float squareRoot(float x) { return sqrtf(x); }
#else
SN_INLINE float squareRoot(float x) { return __builtin_sqrtf(x); }  // unlike sqrtf, it can be vectorised in a loop
#endif

// The largest number that an update may write. Below the largest float, so that a moving average of such numbers, whose
// terms are differences, stays finite.
constexpr float largestWritten = 0x1p126f;
SN_INLINE bool mayBeWritten(float x) { return (x < 0.0f ? -x : x) <= largestWritten; }  // false for NaN

// SGD: m = factor m - rate d, w += m; with Nesterov w += factor m - rate d. d is the gradient plus weight decay times
// w.
SN_INLINE void sgdElement(float direction, float factor, float rate, bool nesterov, float& w, float& m) {
  m = factor * m - rate * direction;
  w += nesterov ? factor * m - rate * direction : m;
}

struct AdamFactors {
  float firstRate, secondRate;  // 1 - beta1, 1 - beta2
  float epsilon;
  float inverseCorrection;  // 1 / sqrt(1 - beta2^t)
};

// Updates the moments m and v from the direction d. Returns what is subtracted from w; AdamW subtracts its decay as
// well. `stepSize` is the learning rate / (1 - beta1^t).
SN_INLINE float adamChange(float direction, const AdamFactors& by, float stepSize, float& m, float& v) {
  m += by.firstRate * (direction - m);
  v += by.secondRate * (direction * direction - v);
  return stepSize * m / (squareRoot(v) * by.inverseCorrection + by.epsilon);
}

// Returns 1 - (1 - rate)^steps, without the cancellation of the formula as written.
SN_INLINE double biasCorrection(double rate, double steps) { return -expm1(steps * log1p(-rate)); }

// Returns the factor on (weights - average) of a moving average. It is larger than `rate` in the first steps, because
// the average would otherwise stay near the initial weights.
SN_INLINE float averageRate(float rate, double steps) {
  const double early = 9.0 / (10.0 + steps);
  return static_cast<float>(early > rate ? early : rate);
}

// Returns the learning rate of a segment in LARS, from its rate and the sums of squares of its weights and its
// gradient. Returns `rate` if the gradient or the weights are 0: there is no ratio then, and weights of 0 would stay 0.
SN_INLINE float trustRatio(double weightSquares, double gradientSquares, float gradientScale, float rate, float decay,
                           float trust) {
  const double weights = sqrt(weightSquares);
  const double divisor = gradientScale * sqrt(gradientSquares) + (decay == 0.0f ? 0.0 : decay * weights);
  return weights != 0.0 && divisor != 0.0 ? static_cast<float>(rate * (trust * weights / divisor)) : rate;
}

// Returns min(1, limit / norm), or NaN if the norm is NaN.
SN_INLINE float clipFactor(float norm, float limit) { return norm <= limit ? 1.0f : limit / norm; }

}  // namespace saturnn
