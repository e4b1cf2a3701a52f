// Leaky relu with a random slope for each element, and its gradient, which draws the same slopes again. Philox runs on
// whole vectors of counters and fills a small buffer of slopes that stays in the cache; the loop over the data reads it
// like any other operand. One Philox block gives the slopes of four consecutive elements in NHWC order, so both layouts
// use every number that is computed.
#pragma once

#include "cpu/simd/philox_lanes.h"
#include "cpu/simd/table.h"
#include "cpu/simd/vector.h"

namespace saturnn::cpu {
namespace {

// Number of vectors that one Philox step fills: its four words, each for all lanes.
constexpr int64_t slopeGroup = 4 * lanes;
constexpr int64_t slopeTile = 1024;
static_assert(slopeTile % slopeGroup == 0, "whole groups");

#if defined(__AVX512F__)
// Masked intrinsics, because GCC 12 warns about the plain ones.
inline UnsignedVector unpackLow(UnsignedVector a, UnsignedVector b) {
  return (UnsignedVector)_mm512_maskz_unpacklo_epi32(0xffff, (__m512i)a, (__m512i)b);
}
inline UnsignedVector unpackHigh(UnsignedVector a, UnsignedVector b) {
  return (UnsignedVector)_mm512_maskz_unpackhi_epi32(0xffff, (__m512i)a, (__m512i)b);
}
inline UnsignedVector unpackLowPairs(UnsignedVector a, UnsignedVector b) {
  return (UnsignedVector)_mm512_maskz_unpacklo_epi64(0xff, (__m512i)a, (__m512i)b);
}
inline UnsignedVector unpackHighPairs(UnsignedVector a, UnsignedVector b) {
  return (UnsignedVector)_mm512_maskz_unpackhi_epi64(0xff, (__m512i)a, (__m512i)b);
}
#elif defined(__AVX2__)
inline UnsignedVector unpackLow(UnsignedVector a, UnsignedVector b) {
  return (UnsignedVector)_mm256_unpacklo_epi32((__m256i)a, (__m256i)b);
}
inline UnsignedVector unpackHigh(UnsignedVector a, UnsignedVector b) {
  return (UnsignedVector)_mm256_unpackhi_epi32((__m256i)a, (__m256i)b);
}
inline UnsignedVector unpackLowPairs(UnsignedVector a, UnsignedVector b) {
  return (UnsignedVector)_mm256_unpacklo_epi64((__m256i)a, (__m256i)b);
}
inline UnsignedVector unpackHighPairs(UnsignedVector a, UnsignedVector b) {
  return (UnsignedVector)_mm256_unpackhi_epi64((__m256i)a, (__m256i)b);
}
#else
inline UnsignedVector unpackLow(UnsignedVector a, UnsignedVector b) {
  return (UnsignedVector)_mm_unpacklo_epi32((__m128i)a, (__m128i)b);
}
inline UnsignedVector unpackHigh(UnsignedVector a, UnsignedVector b) {
  return (UnsignedVector)_mm_unpackhi_epi32((__m128i)a, (__m128i)b);
}
inline UnsignedVector unpackLowPairs(UnsignedVector a, UnsignedVector b) {
  return (UnsignedVector)_mm_unpacklo_epi64((__m128i)a, (__m128i)b);
}
inline UnsignedVector unpackHighPairs(UnsignedVector a, UnsignedVector b) {
  return (UnsignedVector)_mm_unpackhi_epi64((__m128i)a, (__m128i)b);
}
#endif

// Computes the slopes of at least `count` elements from Philox block `block` on. If `rowBlocks` is 0, the elements are
// consecutive; else they are rows of 16, whose first blocks are `rowBlocks` apart.
void drawSlopes(const SlopeSource& source, uint32_t block, uint32_t rowBlocks, float* slopes, int64_t count) {
  constexpr uint32_t vectorBlocks = lanes / 4;
  const uint32_t vectorsPerRow = rowBlocks ? 16 / lanes : 4;
  const uint32_t groupRows = 4 / vectorsPerRow;
  const uint32_t pitch = rowBlocks ? rowBlocks : lanes;
  // Lane 4 m + j computes block m of vector j, so that unpacking leaves the elements of each vector in order.
  UnsignedVector places;
  for (uint32_t lane = 0; lane < lanes; ++lane) {
    const uint32_t vector = lane % 4;
    places[lane] = vector / vectorsPerRow * pitch + vector % vectorsPerRow * vectorBlocks + lane / 4;
  }
  for (int64_t i = 0; i < count; i += slopeGroup, block += groupRows * pitch) {
    UnsignedVector words[4] = {places + block, UnsignedVector{} + source.step, UnsignedVector{} + source.stream, {}};
    philoxLanes(words, source.seed, randomizedReluKey);
    const UnsignedVector low01 = unpackLow(words[0], words[1]), low23 = unpackLow(words[2], words[3]);
    const UnsignedVector high01 = unpackHigh(words[0], words[1]), high23 = unpackHigh(words[2], words[3]);
    const UnsignedVector vectors[4] = {unpackLowPairs(low01, low23), unpackHighPairs(low01, low23),
                                       unpackLowPairs(high01, high23), unpackHighPairs(high01, high23)};
    for (int j = 0; j < 4; ++j) {
      // 24 bits are exact in a float and give numbers below 1.
      const FloatVector uniform = __builtin_convertvector((IntVector)(vectors[j] >> 8), FloatVector);
      store(slopes + i + j * lanes, source.lower + uniform * source.scale);
    }
  }
}

// Calls body(row, channel, slopes, count) for runs of elements of one row, with their slopes. `gapless`: there are no
// gaps between rows and no operand per channel; then runs continue over the ends of rows, with indices counted from row
// 0.
template <typename Body>
inline __attribute__((always_inline)) void forSlopes(const SlopeSource& source, const SlopeRows& rows, bool gapless,
                                                     const Body& body) {
  float buffer[slopeTile + slopeGroup];  // room for the elements before the first of a block
  const bool contiguous = rows.elementPitch == rows.channels;
  const int64_t rowsPerTile = slopeTile / 16;
  const int64_t total = rows.rows * rows.channels;
  const int64_t channels = gapless ? total : rows.channels;
  int64_t row = 0, channel = 0;
  for (int64_t begin = 0; begin < total; begin += slopeTile) {
    const int64_t count = total - begin < slopeTile ? total - begin : slopeTile;
    const int64_t first =
        rows.firstElement + (contiguous ? begin : begin / slopeTile * rowsPerTile * rows.elementPitch);
    const int64_t skipped = first % 4;
    drawSlopes(source, static_cast<uint32_t>(first / 4), contiguous ? 0 : static_cast<uint32_t>(rows.elementPitch / 4),
               buffer, skipped + count);
    for (int64_t done = 0; done < count;) {
      const int64_t left = count - done;
      const int64_t run = channels - channel < left ? channels - channel : left;
      body(row, channel, buffer + skipped + done, run);
      done += run;
      channel += run;
      if (channel == channels) {
        channel = 0;
        ++row;
      }
    }
  }
}

struct RandomizedReluBody {
  const float* x;
  const float* bias;
  const float* slopes;
  float* y;

  template <typename V>
  inline __attribute__((always_inline)) void run(int64_t i) const {
    V value = load<V>(x + i);
    if (bias) value += load<V>(bias + i);
    store(y + i, value < V{} ? value * load<V>(slopes + i) : value);
  }
};

void randomizedRelu(const RandomizedReluRows& a) {
  const bool gapless = !a.bias && a.xPitch == a.at.channels && a.yPitch == a.at.channels;
  forSlopes(a.source, a.at, gapless, [&](int64_t row, int64_t channel, const float* slopes, int64_t count) {
    forChannels(count, RandomizedReluBody{a.x + row * a.xPitch + channel, a.bias ? a.bias + channel : nullptr, slopes,
                                          a.y + row * a.yPitch + channel});
  });
}

struct RandomizedReluGradientBody {
  const float* dy;
  const float* y;
  const float* slopes;
  float* dx;
  float* sums;

  template <typename V>
  inline __attribute__((always_inline)) void run(int64_t i) const {
    const V output = load<V>(y + i);
    // A comparison alone would lose a NaN of y.
    const V derivative = output < V{} ? load<V>(slopes + i) : output != output ? output : V{} + 1.0f;
    const V value = load<V>(dy + i) * derivative;
    store(dx + i, value);
    if (sums) store(sums + i, load<V>(sums + i) + value);
  }
};

void randomizedReluGradient(const RandomizedReluGradientRows& a) {
  const int64_t channels = a.at.channels;
  const bool gapless = !a.biasGradient && a.dyPitch == channels && a.yPitch == channels && a.dxPitch == channels;
  if (a.biasGradient) {
    for (int64_t c = 0; c < channels; ++c) a.biasGradient[c] = 0.0f;
  }
  forSlopes(a.source, a.at, gapless, [&](int64_t row, int64_t channel, const float* slopes, int64_t count) {
    forChannels(count, RandomizedReluGradientBody{a.dy + row * a.dyPitch + channel, a.y + row * a.yPitch + channel,
                                                  slopes, a.dx + row * a.dxPitch + channel,
                                                  a.biasGradient ? a.biasGradient + channel : nullptr});
  });
}

}  // namespace
}  // namespace saturnn::cpu
