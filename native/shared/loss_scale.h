// Loss scaling for gradients that are stored as f16: they are computed from a loss times `scale`, a power of two, so that
// small ones do not vanish, and divided by it again where the weights change. For the host and for CUDA devices.
//
// Source: Micikevicius et al., "Mixed Precision Training" (arXiv:1710.03740), section 3.2.
#pragma once

#include "shared/arithmetic.h"  // SN_INLINE

namespace saturnn {

constexpr float smallestLossScale = 1.0f;
constexpr float largestLossScale = 16777216.0f;  // 2^24

struct Unscaled {
  int32_t halt;  // 1: no smaller scale would help
  float norm;    // of the gradient itself
  float factor;  // on the scaled gradient: 1 / scale, and less where the norm exceeds `limit`
};

SN_INLINE bool isFiniteNumber(float x) { return x - x == 0.0f; }

// `overflow` is not 0 if the loss or the norm of the scaled gradient is not finite.
SN_INLINE Unscaled unscale(float loss, int32_t overflow, float scaledNorm, float scale, float limit) {
  const float norm = scaledNorm / scale;
  const float clip = norm <= limit ? 1.0f : limit / norm;
  const bool halt = !isFiniteNumber(loss) || (overflow != 0 && scale <= smallestLossScale);
  return {halt ? 1 : 0, norm, clip / scale};
}

// After a step: half the scale if the gradient has overflown, twice the scale after `interval` steps without.
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
