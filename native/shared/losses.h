// The losses of single elements and their slopes, for the host and for CUDA devices. Internal linkage and forced inline: see
// arithmetic.h.
#pragma once

#include "shared/arithmetic.h"

namespace saturnn {

// The attribute `kind` of elementLoss. lib/ops/losses.ts has the names.
enum class LossKind : int32_t { itself, squared, absolute, binaryCrossEntropy };
constexpr int32_t lossKindCount = 4;

// A loss of predictions [rows, columns]; each row may have a label and a weight.
struct LossShape {
  LossKind kind;
  int64_t rows, columns;
};

// l(x, t) of a prediction x and a target t, of which `itself` reads only x.
SN_INLINE float elementLoss(LossKind kind, float x, float t) {
  switch (kind) {
    case LossKind::squared: return (x - t) * (x - t);
    case LossKind::absolute: return choose(x < t, t - x, x - t);
    // -t log p - (1 - t) log(1 - p) with p = 1 / (1 + e^-x), in a form that no x makes overflow.
    case LossKind::binaryCrossEntropy:
      return choose(x < 0.0f, 0.0f, x) - x * t + log1pf(exponential(choose(x < 0.0f, x, -x)));
    default: return x;
  }
}

// The derivative of l by x; 0 where |x - t| has none.
SN_INLINE float elementLossSlope(LossKind kind, float x, float t) {
  const float difference = x - t;
  switch (kind) {
    case LossKind::squared: return 2.0f * difference;
    case LossKind::absolute: return choose(difference > 0.0f, 1.0f, choose(difference < 0.0f, -1.0f, difference));
    case LossKind::binaryCrossEntropy: return 1.0f / (1.0f + exponential(-x)) - t;
    default: return 1.0f;
  }
}

}  // namespace saturnn
