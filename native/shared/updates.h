// The arithmetic of what changes the weights, for the host and for CUDA devices: one element of SGD and of Adam, and
// the few numbers per step or per segment that come before. Internal linkage and forced inline: see arithmetic.h.
#pragma once

#include <math.h>

#include "shared/arithmetic.h"  // SN_INLINE

namespace saturnn {

#ifdef __CUDACC__
SN_INLINE float squareRoot(float x) { return sqrtf(x); }
#else
SN_INLINE float squareRoot(float x) { return __builtin_sqrtf(x); }  // one that loops of vectors may hold
#endif

// m = factor m - rate d, w += m; with Nesterov w += factor m - rate d. The direction d is the gradient with its decay.
SN_INLINE void sgdElement(float direction, float factor, float rate, bool nesterov, float& w, float& m) {
  m = factor * m - rate * direction;
  w += nesterov ? factor * m - rate * direction : m;
}

struct AdamFactors {
  float firstRate, secondRate;  // 1 - beta1, 1 - beta2
  float epsilon;
  float inverseCorrection;  // 1 / sqrt(1 - beta2^t)
};

// m and v follow the direction d and its square. Returns what w loses, but for a decay that is apart from the gradient.
// `stepSize` is the learning rate / (1 - beta1^t).
SN_INLINE float adamChange(float direction, const AdamFactors& by, float stepSize, float& m, float& v) {
  m += by.firstRate * (direction - m);
  v += by.secondRate * (direction * direction - v);
  return stepSize * m / (squareRoot(v) * by.inverseCorrection + by.epsilon);
}

// 1 - (1 - rate)^steps, which cancels where it is computed as it is written.
SN_INLINE double biasCorrection(double rate, double steps) { return -expm1(steps * log1p(-rate)); }

// How much of the weights a moving average takes in: in the first steps more than `rate`, because an average over more
// steps than were done would still be near the initial weights.
SN_INLINE float averageRate(float rate, double steps) {
  const double early = 9.0 / (10.0 + steps);
  return static_cast<float>(early > rate ? early : rate);
}

// The learning rate of a segment in LARS, from its rate and the sums of the squares of its weights and its gradient.
// Without a gradient there is nothing to compare with, and a tensor of zeros would stay one: then it is `rate`.
SN_INLINE float trustRatio(double weightSquares, double gradientSquares, float gradientScale, float rate, float decay,
                           float trust) {
  const double weights = sqrt(weightSquares);
  const double divisor = gradientScale * sqrt(gradientSquares) + (decay == 0.0f ? 0.0 : decay * weights);
  return weights != 0.0 && divisor != 0.0 ? static_cast<float>(rate * (trust * weights / divisor)) : rate;
}

// min(1, limit / norm). A norm of NaN gives NaN.
SN_INLINE float clipFactor(float norm, float limit) { return norm <= limit ? 1.0f : limit / norm; }

}  // namespace saturnn
