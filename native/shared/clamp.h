// The derivative of a clamp, from its result, for the kernels of both backends.
#pragma once

#include "shared/arithmetic.h"

namespace saturnn {

// 1 between the bounds, 0 at them, and NaN for NaN.
SN_INLINE float clampSlope(float y, float low, float high) {
  return choose(y > low && y < high, 1.0f, choose(y != y, y, 0.0f));
}

}  // namespace saturnn
