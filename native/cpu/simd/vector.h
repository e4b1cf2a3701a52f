// The widest vectors of the instruction set that this object is compiled for, as GCC's portable vector types. For loops
// that keep several vectors in registers (pooling windows, reductions), where auto-vectorised arrays would spill.
#pragma once

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "cpu/simd/bf16.h"

namespace saturnn::cpu {
namespace {

#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX2__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif

typedef float FloatVector __attribute__((vector_size(lanes * 4)));
typedef int32_t IntVector __attribute__((vector_size(lanes * 4)));
typedef uint32_t UnsignedVector __attribute__((vector_size(lanes * 4)));
typedef double DoubleVector __attribute__((vector_size(lanes * 4)));
typedef float HalfFloatVector __attribute__((vector_size(lanes * 2)));  // as many floats as a DoubleVector has doubles

// Loads and stores of V: FloatVector (any alignment), or float for the channels that do not fill a vector.
template <typename V>
inline V load(const float* p) {
  V v;
  memcpy(&v, p, sizeof v);
  return v;
}

template <typename V>
inline void store(float* p, V v) {
  memcpy(p, &v, sizeof v);
}

#if defined(__AVX512BW__)
template <typename V>
inline V load(const Bf16* p) {
  if constexpr (sizeof(V) == sizeof(float)) {
    return widen(*p);
  } else {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return (V)((UnsignedVector)_mm512_maskz_cvtepu16_epi32(0xffff, bits) << 16);
  }
}

inline void store(Bf16* p, float v) { *p = narrow<Bf16>(v); }

// Rounds like narrow().
inline void store(Bf16* p, FloatVector v) {
  const UnsignedVector bits = (UnsignedVector)v;
  const UnsignedVector rounded = bits + 0x7fff + (bits >> 16 & 1);
  const UnsignedVector chosen = v != v ? bits | 0x400000 : rounded;
  const __m256i halves = _mm512_maskz_cvtepi32_epi16(0xffff, (__m512i)(chosen >> 16));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), halves);
}
#endif

// The vector of integers with as many lanes as V, with loads and stores as bytes.
template <typename V>
struct IntegersOf;
template <>
struct IntegersOf<FloatVector> {
  typedef IntVector Type;
};
template <>
struct IntegersOf<float> {
  typedef int32_t Type;
};
template <typename V>
using Integers = typename IntegersOf<V>::Type;

// Converts the result of a comparison to integers: all bits set where it holds.
template <typename V, typename Comparison>
inline Integers<V> maskOf(Comparison comparison) {
  if constexpr (sizeof(V) == sizeof(float)) {
    return comparison ? -1 : 0;
  } else {
    return comparison;
  }
}

// In GCC 12 the portable conversions between bytes and integers use scalar registers and are twenty times slower.
inline void storeBytes(uint8_t* p, IntVector v) {
#if defined(__AVX512F__)
  const __m128i bytes = _mm512_maskz_cvtepi32_epi8(0xffff, (__m512i)v);  // masked: GCC 12 warns about the plain one
#elif defined(__AVX2__)
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128((__m256i)v), _mm256_extracti128_si256((__m256i)v, 1));
  const __m128i bytes = _mm_packus_epi16(words, words);
#else
  const __m128i words = _mm_packs_epi32((__m128i)v, (__m128i)v);
  const __m128i bytes = _mm_packus_epi16(words, words);
#endif
  memcpy(p, &bytes, lanes);
}
inline void storeBytes(uint8_t* p, int32_t v) { *p = static_cast<uint8_t>(v); }

template <typename I>
inline I loadBytes(const uint8_t* p) {
  if constexpr (sizeof(I) == sizeof(int32_t)) {
    return *p;
  } else {
#if defined(__AVX512F__)
    return (I)_mm512_maskz_cvtepu8_epi32(0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#elif defined(__AVX2__)
    return (I)_mm256_cvtepu8_epi32(_mm_loadu_si64(p));
#else
    const __m128i zero = _mm_setzero_si128();
    return (I)_mm_unpacklo_epi16(_mm_unpacklo_epi8(_mm_loadu_si32(p), zero), zero);
#endif
  }
}

// Loads as many floats as V has, of floats or of bytes.
template <typename V>
inline V loadFloats(const float* p) {
  return load<V>(p);
}

template <typename V>
inline V loadFloats(const uint8_t* p) {
  if constexpr (sizeof(V) == sizeof(float)) {
    return static_cast<float>(*p);
  } else {
    return __builtin_convertvector(loadBytes<Integers<V>>(p), V);
  }
}

// Calls body.template run<V>(first channel) for whole vectors, then for each remaining channel. The tail need not be
// fast, because networks have multiples of 16 channels.
template <typename Body>
inline __attribute__((always_inline)) void forChannels(int64_t channels, const Body& body) {
  int64_t c = 0;
  for (; c + lanes <= channels; c += lanes) body.template run<FloatVector>(c);
  for (; c < channels; ++c) body.template run<float>(c);
}

}  // namespace
}  // namespace saturnn::cpu
