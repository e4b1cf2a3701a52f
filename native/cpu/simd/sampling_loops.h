// The loops that resize images of bytes, and rotate them: rows in f32.
#pragma once

#include "cpu/simd/table.h"
#include "cpu/simd/vector.h"

namespace saturnn::cpu {
namespace {

// Four floats: the three channels of a pixel, and one that the next pixel overwrites.
typedef float PixelVector __attribute__((vector_size(16)));

inline PixelVector pixelOf(const float* x) { return load<PixelVector>(x); }

inline PixelVector pixelOf(const uint8_t* x) {
#if defined(__AVX2__)
  return _mm_cvtepi32_ps(_mm_cvtepu8_epi32(_mm_loadu_si32(x)));
#else
  return loadFloats<PixelVector>(x);
#endif
}

// The weights of the pixels from `pixel` on: as weightOf(), but 0 beyond the taps.
inline PixelVector weightsOf(const Taps& taps, int32_t pixel) {
  const PixelVector pixels = static_cast<float>(pixel) + PixelVector{0.0f, 1.0f, 2.0f, 3.0f};
  const PixelVector away = pixels - taps.centre;
  const PixelVector weights = 1.0f - larger(away, -away) * taps.inverseSupport;
  return pixels > static_cast<float>(taps.last) ? PixelVector{} : larger(PixelVector{}, weights);
}

void prepareTaps(const TapWeights& given) {
  const TapWeights all = given;
  float* weights = all.weights;
  for (int32_t i = 0; i < all.length; ++i, weights += all.pitch) {
    const Taps taps = tapsOf(all.scale, all.origin, i, all.extent);
    all.firsts[i] = taps.last < taps.first ? 0 : (taps.first - all.extent.first) * all.stride;
    PixelVector sums = {};
    for (int32_t t = 0; t < all.pitch; t += tapGroup) {
      const PixelVector group = weightsOf(taps, taps.first + t);
      store(weights + t, group);
      sums += group;
    }
    const float sum = sums[0] + sums[1] + sums[2] + sums[3], inverse = sum > 0.0f ? 1.0f / sum : 0.0f;
    for (int32_t t = 0; t < all.pitch; t += tapGroup) store(weights + t, load<PixelVector>(weights + t) * inverse);
  }
}

template <int Rows>
void sumRowsOf(const ByteRows& given) {
  const ByteRows r = given;
  float weights[Rows];
  for (int k = 0; k < Rows; ++k) weights[k] = r.weights[k];
  int64_t i = 0;
  for (; i + lanes <= r.count; i += lanes) {
    FloatVector sum = r.isFirst ? FloatVector{} : load<FloatVector>(r.y + i);
    for (int k = 0; k < Rows; ++k) sum += weights[k] * loadFloats<FloatVector>(r.x + k * r.pitch + i);
    store(r.y + i, sum);
  }
  for (; i < r.count; ++i) {
    float sum = r.isFirst ? 0.0f : r.y[i];
    for (int k = 0; k < Rows; ++k) sum += weights[k] * loadFloats<float>(r.x + k * r.pitch + i);
    r.y[i] = sum;
  }
}

void sumRowsOfBytes(const ByteRows& rows) {
  switch (rows.rows) {
    case 1: return sumRowsOf<1>(rows);
    case 2: return sumRowsOf<2>(rows);
    case 3: return sumRowsOf<3>(rows);
    default: return sumRowsOf<rowsAtOnce>(rows);
  }
}

// The sum of `Taps` neighbours, times the lanes of `weights`.
template <int Taps>
inline PixelVector sumOfPixels(const float* x, PixelVector weights) {
  PixelVector sum = weights[0] * pixelOf(x);
  if constexpr (Taps > 1) sum += weights[1] * pixelOf(x + 3);
  if constexpr (Taps > 2) sum += weights[2] * pixelOf(x + 6);
  if constexpr (Taps > 3) sum += weights[3] * pixelOf(x + 9);
  return sum;
}

template <int Taps>
void sumColours(const ColumnSums& given) {
  const ColumnSums sums = given;
  const TapWeights columns = sums.columns;
  const float* weights = columns.weights;
  float* y = sums.y;
  for (int32_t w = 0; w < columns.length; ++w, y += 3, weights += tapGroup) {
    store(y, sumOfPixels<Taps>(sums.x + columns.firsts[w], load<PixelVector>(weights)));
  }
}

void sumManyColours(const ColumnSums& given) {
  const ColumnSums sums = given;
  const TapWeights columns = sums.columns;
  const float* weights = columns.weights;
  float* y = sums.y;
  for (int32_t w = 0; w < columns.length; ++w, y += 3) {
    const float* x = sums.x + columns.firsts[w];
    PixelVector sum = {};
    for (const float* end = weights + columns.pitch; weights < end; weights += tapGroup, x += 3 * tapGroup) {
      sum += sumOfPixels<tapGroup>(x, load<PixelVector>(weights));
    }
    store(y, sum);
  }
}

template <int Channels>
void sumColumnsOf(const ColumnSums& given) {
  const ColumnSums sums = given;
  const TapWeights columns = sums.columns;
  const int64_t channels = Channels > 0 ? Channels : sums.channels;
  float* y = sums.y;
  for (int32_t w = 0; w < columns.length; ++w, y += channels) {
    const float *x = sums.x + columns.firsts[w], *weights = columns.weights + w * columns.pitch;
    for (int64_t c = 0; c < channels; ++c) {
      float total = 0.0f;
      for (int32_t t = 0; t < columns.taps; ++t) total += weights[t] * x[t * channels + c];
      y[c] = total;
    }
  }
}

void sumColumns(const ColumnSums& sums) {
  if (sums.channels == 1) return sumColumnsOf<1>(sums);
  if (sums.channels != 3) return sumColumnsOf<0>(sums);
  switch (sums.columns.taps) {
    case 1: return sumColours<1>(sums);
    case 2: return sumColours<2>(sums);
    case 3: return sumColours<3>(sums);
    case 4: return sumColours<4>(sums);
    default: return sumManyColours(sums);
  }
}

}  // namespace
}  // namespace saturnn::cpu
