// The elementary functions of all backends, for the host and for CUDA devices, so that results agree.
//
// Everything has internal linkage and is forced inline: the CPU backend compiles this header once per instruction set,
// and a shared out-of-line copy would let the linker pick AVX-512 code for a processor that has none.
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define SN_INLINE static __host__ __device__ __forceinline__
#else
#define SN_INLINE static inline __attribute__((always_inline))
#endif

namespace saturnn {

// Both are computed, so that no branch is left.
SN_INLINE float choose(bool condition, float yes, float no) { return condition ? yes : no; }

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

// 2^n e^r for |r| <= ln2 / 2 and a little more; `shifted` has n in its low bits: see exponential().
SN_INLINE float scaledExponential(float shifted, float r) {
  float p = 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  uint32_t bits;  // unsigned: the bits of a NaN would overflow an int, and the result is NaN whatever they are
  memcpy(&bits, &shifted, 4);
  const uint32_t scaleBits = (bits - 0x4b400000u + 127u) << 23;
  float scale;
  memcpy(&scale, &scaleBits, 4);
  return p * scale;  // NaN: p is NaN whatever the scale
}

// e^x by 2^n e^r with |r| <= ln2 / 2. Saturates at e^-87.3 (the smallest normal number) and e^88.
SN_INLINE float exponential(float x) {
  x = clampKeepingNan(x, -87.3f, 88.0f);
  const float shifter = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, in the low bits of the sum
  const float shifted = x * 1.44269504f + shifter;
  const float n = shifted - shifter;
  float r = x - n * 0.693359375f;  // ln2 in two parts, so that n * high is exact
  r = r + n * 2.12194440e-4f;
  return scaledExponential(shifted, r);
}

// e^(-a^2 / 2) for 0 <= a <= 14, to a relative error of 3e-7, and NaN for NaN. Rounding a^2 alone would cost 5e-6. So a^2 is
// h^2 + (a - h)(a + h), where h is a with 12 bits, whose square is exact; the second part, at most 0.11, goes into r.
SN_INLINE float bell(float a) {
  uint32_t bits;
  memcpy(&bits, &a, 4);
  bits &= 0xfffff000u;
  float h;
  memcpy(&h, &bits, 4);
  const float x = clampKeepingNan(-0.5f * (h * h), -87.3f, 0.0f);
  const float shifter = 12582912.0f;
  const float shifted = x * 1.44269504f + shifter;
  const float n = shifted - shifter;
  float r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  return scaledExponential(shifted, r - 0.5f * ((a - h) * (a + h)));
}

// The normal distribution's share beyond a, divided by bell(a), for 0 <= a <= 14: a polynomial in 1 / (1 + 0.26 a), fitted
// by weighted least squares to relative error 2.5e-8, 3.2e-7 in f32 arithmetic.
SN_INLINE float tailOverBell(float a) {
  const float t = 1.0f / (1.0f + 0.26f * a);
  float p = 0.0305047911f;
  p = p * t - 0.15282841f;
  p = p * t + 0.251490533f;
  p = p * t - 0.150948182f;
  p = p * t + 0.160947368f;
  p = p * t + 0.0510278679f;
  p = p * t + 0.103030212f;
  p = p * t + 0.103016756f;
  p = p * t + 0.103759058f;
  return p * t;
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
  uint32_t bits;  // unsigned: the bits of a NaN would overflow an int, and the result is NaN whatever they are
  memcpy(&bits, &shifted, 4);
  const uint32_t scaleBits = (bits - 0x4b400000u + 127u) << 23;
  float scale;
  memcpy(&scale, &scaleBits, 4);
  return p * scale + (scale - 1.0f);
}

}  // namespace saturnn
