// Philox for a whole vector of counters at once, for dropout and randomized relu.
#pragma once

#include "cpu/simd/vector.h"
#include "shared/philox.h"

namespace saturnn::cpu {
namespace {

typedef uint64_t WideVector __attribute__((vector_size(lanes * 4)));

#if defined(__AVX512F__)
// Masked intrinsics, because GCC 12 warns about the plain ones.
inline UnsignedVector multiplyEven(UnsignedVector a, UnsignedVector b) {
  return (UnsignedVector)_mm512_maskz_mul_epu32(0xff, (__m512i)a, (__m512i)b);
}
inline UnsignedVector evenOdd(UnsignedVector even, UnsignedVector odd) {
  return (UnsignedVector)_mm512_mask_blend_epi32(0xaaaa, (__m512i)even, (__m512i)odd);
}
#elif defined(__AVX2__)
inline UnsignedVector multiplyEven(UnsignedVector a, UnsignedVector b) {
  return (UnsignedVector)_mm256_mul_epu32((__m256i)a, (__m256i)b);
}
inline UnsignedVector evenOdd(UnsignedVector even, UnsignedVector odd) {
  return (UnsignedVector)_mm256_blend_epi32((__m256i)even, (__m256i)odd, 0xaa);
}
#else
inline UnsignedVector multiplyEven(UnsignedVector a, UnsignedVector b) {
  return (UnsignedVector)_mm_mul_epu32((__m128i)a, (__m128i)b);
}
inline UnsignedVector evenOdd(UnsignedVector even, UnsignedVector odd) {
  const UnsignedVector evens = {~0u, 0, ~0u, 0};
  return (even & evens) | (odd & ~evens);
}
#endif

// Computes both halves of the 64-bit products of all lanes with one number.
inline __attribute__((always_inline)) void multiplyWide(UnsignedVector a, uint32_t b, UnsignedVector& high,
                                                        UnsignedVector& low) {
  const UnsignedVector factor = UnsignedVector{} + b;
  const UnsignedVector even = multiplyEven(a, factor);
  const UnsignedVector odd = multiplyEven((UnsignedVector)((WideVector)a >> 32), factor);
  high = evenOdd((UnsignedVector)((WideVector)even >> 32), odd);
  low = evenOdd(even, (UnsignedVector)((WideVector)odd << 32));
}

// Computes philox4x32 of shared/philox.h in every lane.
inline __attribute__((always_inline)) void philoxLanes(UnsignedVector c[4], uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    UnsignedVector high0, low0, high1, low1;
    multiplyWide(c[0], 0xd2511f53u, high0, low0);
    multiplyWide(c[2], 0xcd9e8d57u, high1, low1);
    c[0] = high1 ^ c[1] ^ key0;
    c[1] = low1;
    c[2] = high0 ^ c[3] ^ key1;
    c[3] = low0;
    key0 += 0x9e3779b9u;
    key1 += 0xbb67ae85u;
  }
}

}  // namespace
}  // namespace saturnn::cpu
