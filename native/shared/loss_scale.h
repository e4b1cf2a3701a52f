// Loss scaling for gradients that are stored as f16. The loss is multiplied by `scale`, a power of two, so that small
// gradients do not become 0, and the gradient is divided by it before the update. For the host and for CUDA devices.
//
// Source: Micikevicius et al., "Mixed Precision Training" (arXiv:1710.03740), section 3.2.
#pragma once

#include "shared/arithmetic.h"  // SN_INLINE

namespace saturnn {

constexpr float smallestLossScale = 1.0f;
constexpr float largestLossScale = 16777216.0f;  // 2^24

struct Unscaled {
  int32_t halt;  // 1: stop, because a smaller scale cannot help
  float norm;    // of the gradient itself
  float factor;  // by which the scaled gradient is multiplied: 1 / scale, less if the norm exceeds `limit`
};

SN_INLINE bool isFiniteNumber(float x) { return x - x == 0.0f; }

// `overflow` is not 0 if the loss or the norm of the scaled gradient is infinite or NaN.
SN_INLINE Unscaled unscale(float loss, int32_t overflow, float scaledNorm, float scale, float limit) {
  const float norm = scaledNorm / scale;
  const float clip = norm <= limit ? 1.0f : limit / norm;
  const bool halt = !isFiniteNumber(loss) || (overflow != 0 && scale <= smallestLossScale);
  return {halt ? 1 : 0, norm, clip / scale};
}

// Halves the scale after an overflow, and doubles it after `interval` steps without one.
SN_INLINE void adjustLossScale(int32_t overflow, float interval, float* scale, float* steps) {
  if (overflow != 0) {
    *scale = *scale * 0.5f < smallestLossScale ? smallestLossScale : *scale * 0.5f;
    *steps = 0.0f;
  } else if (*steps + 1.0f >= interval) {
    *scale = *scale * 2.0f > largestLossScale ? largestLossScale : *scale * 2.0f;
    *steps = 0.0f;
  } else {
    *steps += 1.0f;
  }
}

}  // namespace saturnn
