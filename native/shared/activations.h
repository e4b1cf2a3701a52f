// The arithmetic of the activations, for the host and for CUDA devices. One row per activation: the value from the
// pre-activation x, and the derivative from the OUTPUT y alone, so that backward passes never need x.
//
// | kind          | f(x)                               | f'(x) from y                                    |
// |---------------|------------------------------------|-------------------------------------------------|
// | sigmoid       | 1 / (1 + e^-x)                     | y (1 - y)                                       |
// | scaledSigmoid | 4 sigmoid(x) - 2 = 2 tanh(x / 2)   | 1 - y^2 / 4                                     |
// | tanh          | tanh x                             | 1 - y^2                                         |
// | leakyTanh(a)  | tanh x, times a for x < 0          | y >= 0: 1 - y^2; y < 0: a - y^2 / a; a = 0: relu's side |
// | relu          | max(0, x)                          | y > 0: 1; else 0                                |
// | leakyRelu(a)  | x, times a for x < 0               | y >= 0: 1; y < 0: a; a = 0: relu's              |
// | elu(a)        | x; a (e^x - 1) for x < 0           | y >= 0: 1; y < 0: y + a; a = 0: relu's          |
//
// Sources: "Revise Saturated Activation Functions" (arXiv:1602.05980), sections 2 and 3; elu: arXiv:1511.07289. NaN in
// gives NaN out, in both directions. Derivatives are clamped to >= 0, because rounding can make a - y^2 / a, or y + a,
// slightly negative.
//
// Everything has internal linkage and is forced inline: the CPU backend compiles this header once per instruction set,
// and a shared out-of-line copy would let the linker pick AVX-512 code for a processor that has none.
#pragma once

#include <stdint.h>
#include <string.h>

#include "shared/backend.h"

#ifdef __CUDACC__
#define SN_INLINE static __host__ __device__ __forceinline__
#else
#define SN_INLINE static inline __attribute__((always_inline))
#endif

namespace saturnn {

// Selects, not fminf/fmaxf: those would turn NaN into the bound.
SN_INLINE float clampKeepingNan(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

// Rational approximation x P(x^2) / Q(x^2), fitted by weighted least squares to relative error 2.1e-8 on |x| <= 9,
// 2.9e-7 in f32 arithmetic; beyond 9, tanh is 1 in f32.
SN_INLINE float rationalTanh(float x) {
  x = clampKeepingNan(x, -9.0f, 9.0f);
  const float z = x * x;
  float p = 1.3354251e-08f;
  p = p * z + 2.0608778860e-05f;
  p = p * z + 3.4955696e-03f;
  p = p * z + 1.3381010e-01f;
  p = p * z + 1.0f;
  float q = 7.7763875e-07f;
  q = q * z + 3.2856045311e-04f;
  q = q * z + 2.5876911357e-02f;
  q = q * z + 4.6714326e-01f;
  q = q * z + 1.0f;
  return clampKeepingNan(x * p / q, -1.0f, 1.0f);
}

// e^x by 2^n e^r with |r| <= ln2 / 2. Saturates at e^-87.3 (the smallest normal number) and e^88.
SN_INLINE float exponential(float x) {
  x = clampKeepingNan(x, -87.3f, 88.0f);
  const float shifter = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, in the low bits of the sum
  const float shifted = x * 1.44269504f + shifter;
  const float n = shifted - shifter;
  float r = x - n * 0.693359375f;  // ln2 in two parts, so that n * high is exact
  r = r + n * 2.12194440e-4f;
  float p = 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  uint32_t bits;  // unsigned: of NaN nothing but garbage is left, which must not overflow
  memcpy(&bits, &shifted, 4);
  const uint32_t scaleBits = (bits - 0x4b400000u + 127u) << 23;
  float scale;
  memcpy(&scale, &scaleBits, 4);
  return p * scale;  // NaN: p is NaN whatever the scale
}

// e^x - 1 for x <= 0, to a relative error of 2e-7 however small x is: 2^n (e^r - 1) + (2^n - 1), where e^r - 1 is a
// polynomial without constant term, and 2^n - 1 is exact for n > -24. Saturates at -1 below -87.3.
SN_INLINE float exponentialMinusOne(float x) {
  x = clampKeepingNan(x, -87.3f, 0.0f);
  const float shifter = 12582912.0f;
  const float shifted = x * 1.44269504f + shifter;
  const float n = shifted - shifter;
  float r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.0f / 5040.0f;
  p = p * r + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r * r + r;
  uint32_t bits;  // unsigned: of NaN nothing but garbage is left, which must not overflow
  memcpy(&bits, &shifted, 4);
  const uint32_t scaleBits = (bits - 0x4b400000u + 127u) << 23;
  float scale;
  memcpy(&scale, &scaleBits, 4);
  return p * scale + (scale - 1.0f);
}

template <int Kind>
SN_INLINE float activate(float x, float slope) {
  if constexpr (Kind == SN_SIGMOID) return 1.0f / (1.0f + exponential(-x));
  if constexpr (Kind == SN_SCALED_SIGMOID) return 2.0f * rationalTanh(0.5f * x);
  if constexpr (Kind == SN_TANH) return rationalTanh(x);
  if constexpr (Kind == SN_LEAKY_TANH) {
    const float t = rationalTanh(x);
    return x < 0.0f ? slope * t : t;
  }
  if constexpr (Kind == SN_RELU) return x < 0.0f ? 0.0f : x;
  if constexpr (Kind == SN_LEAKY_RELU) return x < 0.0f ? slope * x : x;
  if constexpr (Kind == SN_ELU) {
    const float negative = slope * exponentialMinusOne(x);
    return x < 0.0f ? negative : x;
  }
}

// `inverseSlope` is 1 / slope (0 for slope 0), computed once per launch: see inverseSlopeOf.
template <int Kind>
SN_INLINE float derivativeFromOutput(float y, float slope, float inverseSlope) {
  if constexpr (Kind == SN_SIGMOID) return clampKeepingNan(y * (1.0f - y), 0.0f, 0.25f);
  if constexpr (Kind == SN_SCALED_SIGMOID) return clampKeepingNan(1.0f - 0.25f * y * y, 0.0f, 1.0f);
  if constexpr (Kind == SN_TANH) return clampKeepingNan(1.0f - y * y, 0.0f, 1.0f);
  if constexpr (Kind == SN_LEAKY_TANH) {
    const float positive = 1.0f - y * y;
    const float negative = slope - y * y * inverseSlope;
    // With slope 0 the negative side gives y = 0 or -0, so y == 0 belongs to it.
    const bool isNegative = slope > 0.0f ? y < 0.0f : y <= 0.0f;
    return clampKeepingNan(isNegative ? negative : positive, 0.0f, 1.0f);
  }
  // A comparison alone would lose a NaN of y; adding y where it is NaN carries it into the gradient.
  if constexpr (Kind == SN_RELU) return (y > 0.0f ? 1.0f : 0.0f) + (y != y ? y : 0.0f);
  if constexpr (Kind == SN_LEAKY_RELU) {
    const bool isNegative = slope > 0.0f ? y < 0.0f : y <= 0.0f;
    return (isNegative ? slope : 1.0f) + (y != y ? y : 0.0f);
  }
  if constexpr (Kind == SN_ELU) {
    const bool isNegative = slope > 0.0f ? y < 0.0f : y <= 0.0f;
    const float negative = y + slope;
    return (isNegative ? (negative < 0.0f ? 0.0f : negative) : 1.0f) + (y != y ? y : 0.0f);
  }
}

SN_INLINE float inverseSlopeOf(float slope) { return slope > 0.0f ? 1.0f / slope : 0.0f; }

}  // namespace saturnn
