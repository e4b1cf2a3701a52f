// The activations of native/activations.def, for the host and for CUDA devices: ids, values and derivatives. Internal
// linkage and forced inline: see arithmetic.h.
#pragma once

#include "shared/arithmetic.h"
#include "shared/backend.h"  // SN_NO_ACTIVATION

namespace saturnn {

// SN_ACTIVATION_tanh and so on: 0 ... SN_ACTIVATION_COUNT - 1, in the order of the rows.
enum ActivationId : int {
#define SN_ACTIVATION(kind, ...) SN_ACTIVATION_##kind,
#include "activations.def"
  SN_ACTIVATION_COUNT
};

// Whether the derivative is computed from the input, which then has no bias: lib/ops/activation.ts adds it before.
SN_INLINE constexpr bool savesInput(int kind) {
#define SN_ACTIVATION(name, saved, ...) \
  if (kind == SN_ACTIVATION_##name) return #saved[0] == 'x';
#include "activations.def"
  return false;
}

// Helpers for the rows of activations.def.

// `value`, times `slope` for x < 0. Not by choose(), with which GCC 12 makes 9% slower loops of leakyTanh.
SN_INLINE float negativeTimes(float slope, float x, float value) { return x < 0.0f ? slope * value : value; }

// Whether y = 0 is the output of some normal x < 0: with slope 0, and with slopes so small that slope * x underflows.
SN_INLINE bool hidesSide(float slope) { return slope < 0x1p-23f; }

// Whether y is the output of an x < 0. If that side may give y = 0 or -0, y == 0 belongs to it.
SN_INLINE bool isNegativeOutput(float y, float slope) { return hidesSide(slope) ? y <= 0.0f : y < 0.0f; }

// 0, or NaN if y is: a comparison alone would lose it, and adding this carries it into the gradient.
SN_INLINE float nanOf(float y) { return choose(y != y, y, 0.0f); }

SN_INLINE float atLeastZero(float x) { return choose(x < 0.0f, 0.0f, x); }

// |x|, at most `most`; NaN for NaN.
SN_INLINE float magnitude(float x, float most) { return clampKeepingNan(choose(x < 0.0f, -x, x), 0.0f, most); }

// gelu and silu have f(x) - f(-x) = x, so f(x) = max(0, x) + f(-|x|), and f'(x) = 1 - f'(-x). The functions below give
// f(-a) and f'(-a) for a >= 0: what is small keeps its digits. They are 0 beyond the bounds in activations.def.
SN_INLINE float bySide(float x, float slopeBelow) { return choose(x < 0.0f, slopeBelow, 1.0f - slopeBelow); }

SN_INLINE float geluBelow(float a) { return -a * (bell(a) * tailOverBell(a)); }
SN_INLINE float geluSlopeBelow(float a) { return bell(a) * (tailOverBell(a) - 0.398942280f * a); }

// With h = e^(-a / 2), whose square underflows as it should: exponential() saturates.
SN_INLINE float siluBelow(float a) {
  const float h = exponential(-0.5f * a);
  return -a * h * (h / (1.0f + h * h));
}
SN_INLINE float siluSlopeBelow(float a) {
  const float h = exponential(-0.5f * a);
  const float share = h * (h / (1.0f + h * h));  // 1 / (1 + e^a)
  return share * (1.0f - a * (1.0f - share));
}

template <int Kind>
SN_INLINE float activate(float x, float slope) {
  static_assert(Kind >= 0 && Kind < SN_ACTIVATION_COUNT, "a row of activations.def");
#define SN_ACTIVATION(kind, saved, f, ...) \
  if constexpr (Kind == SN_ACTIVATION_##kind) return f;
#include "activations.def"
}

// f'(x) from what the row says is saved, x or f(x). `inverseSlope` is 1 / slope (0 for slope 0), computed once per launch:
// see inverseSlopeOf.
template <int Kind>
SN_INLINE float derivativeFromSaved(float value, float slope, float inverseSlope) {
  static_assert(Kind >= 0 && Kind < SN_ACTIVATION_COUNT, "a row of activations.def");
#define SN_ACTIVATION(kind, saved, f, derivative, ...) \
  if constexpr (Kind == SN_ACTIVATION_##kind) {        \
    const float saved = value;                         \
    return derivative;                                 \
  }
#include "activations.def"
}

// At most the largest float: the inverse of a subnormal slope may be infinite, and infinity times y = 0 would be NaN.
SN_INLINE float inverseSlopeOf(float slope) {
  if (slope <= 0.0f) return 0.0f;
  return slope < 0x1p-126f ? 3.402823466e38f : 1.0f / slope;
}

}  // namespace saturnn
