// Dropout over rows of channels: one block of Philox numbers for four elements that follow each other in logical order
// (NHWC), as many blocks at a time as a vector has lanes.
#pragma once

#include "../../philox.h"
#include "table.h"
#include "vector.h"

namespace saturnn {
namespace {

typedef uint32_t WordVector __attribute__((vector_size(lanes * 4)));
typedef uint64_t LongVector __attribute__((vector_size(lanes * 4)));

// The last counter word of every dropout mask: keeps them apart from other random numbers of the same seed.
constexpr uint32_t dropoutMark = 2;

// The 64-bit products of the words in even lanes.
inline LongVector multiplyEven(LongVector a, LongVector b) {
#if defined(__AVX512F__)
  return (LongVector)_mm512_maskz_mul_epu32(0xff, (__m512i)a, (__m512i)b);  // masked: GCC 12 warns of the plain one
#elif defined(__AVX2__)
  return (LongVector)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#else
  return (LongVector)_mm_mul_epu32((__m128i)a, (__m128i)b);
#endif
}

// Both halves of the products of all words with one factor.
inline WordVector multiply(WordVector words, uint32_t factor, WordVector* high) {
  constexpr uint64_t lowHalf = 0xffffffffu;
  const LongVector factors = LongVector{} + factor;
  const LongVector even = multiplyEven((LongVector)words, factors);
  const LongVector odd = multiplyEven((LongVector)words >> 32, factors);
  *high = (WordVector)((even >> 32) | (odd & ~lowHalf));
  return (WordVector)((even & lowHalf) | (odd << 32));
}

// philox4x32() of ../../philox.h for one counter per lane: {block, step, 0, dropoutMark}.
inline void philoxLanes(WordVector block, uint32_t step, uint32_t key0, uint32_t key1, WordVector words[4]) {
  WordVector c0 = block, c1 = WordVector{} + step, c2 = {}, c3 = WordVector{} + dropoutMark;
  for (int round = 0; round < 10; ++round) {
    WordVector high0, high1;
    const WordVector low0 = multiply(c0, 0xd2511f53u, &high0);
    const WordVector low1 = multiply(c2, 0xcd9e8d57u, &high1);
    c0 = high1 ^ c1 ^ key0;
    c1 = low1;
    c2 = high0 ^ c3 ^ key1;
    c3 = low0;
    key0 += 0x9e3779b9u;
    key1 += 0xbb67ae85u;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

// Whole blocks: the first 4 * blocksPerRow channels of each row.
void dropBlocks(const DropoutRows& d, int64_t blocksPerRow) {
  int64_t row = 0, block = 0;
  for (int64_t left = d.rows * blocksPerRow; left > 0; left -= lanes) {
    const int count = left < lanes ? static_cast<int>(left) : lanes;
    uint32_t blocks[lanes] = {};
    int64_t from[lanes], to[lanes];
    for (int lane = 0; lane < count; ++lane) {
      blocks[lane] = static_cast<uint32_t>((d.firstElement + row * d.elementPitch) / 4 + block);
      from[lane] = row * d.xPitch + 4 * block;
      to[lane] = row * d.yPitch + 4 * block;
      if (++block == blocksPerRow) {
        block = 0;
        ++row;
      }
    }
    WordVector counters, words[4];
    memcpy(&counters, blocks, sizeof counters);
    philoxLanes(counters, d.step, d.seed, d.stream, words);
    float factors[4][lanes];
    for (int word = 0; word < 4; ++word) {
      const FloatVector kept = words[word] < d.threshold ? FloatVector{} : FloatVector{} + d.scale;
      memcpy(factors[word], &kept, sizeof kept);
    }
    for (int lane = 0; lane < count; lane += 4) {
      __m128 four[4];
      for (int word = 0; word < 4; ++word) four[word] = _mm_loadu_ps(factors[word] + lane);
      _MM_TRANSPOSE4_PS(four[0], four[1], four[2], four[3]);
      // A product, not a selection: so a NaN in x is seen whether it was dropped or not.
      for (int i = 0; i < 4 && lane + i < count; ++i) {
        _mm_storeu_ps(d.y + to[lane + i], _mm_mul_ps(_mm_loadu_ps(d.x + from[lane + i]), four[i]));
      }
    }
  }
}

void dropout(const DropoutRows& given) {
  DropoutRows d = given;
  if (d.xPitch == d.channels && d.yPitch == d.channels && d.elementPitch == d.channels) {
    d.channels *= d.rows;
    d.rows = 1;
  }
  const bool aligned = d.firstElement % 4 == 0 && (d.rows == 1 || d.elementPitch % 4 == 0);
  const int64_t blocksPerRow = aligned ? d.channels / 4 : 0;
  dropBlocks(d, blocksPerRow);
  for (int64_t row = 0; row < d.rows; ++row) {
    for (int64_t c = 4 * blocksPerRow; c < d.channels; ++c) {
      const int64_t element = d.firstElement + row * d.elementPitch + c;
      const PhiloxNumbers drawn =
          philox4x32({{static_cast<uint32_t>(element / 4), d.step, 0, dropoutMark}}, d.seed, d.stream);
      const float factor = drawn.values[element % 4] < d.threshold ? 0.0f : d.scale;
      d.y[row * d.yPitch + c] = d.x[row * d.xPitch + c] * factor;
    }
  }
}

}  // namespace
}  // namespace saturnn
