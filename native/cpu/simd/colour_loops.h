// The loops that change the colours of images.
#pragma once

#include "cpu/simd/augmentation_loops.h"

namespace saturnn {
namespace cpu {
namespace {

// Floats of one channel of as many pixels. No wider than the instructions that exchange lanes four by four.
#if defined(__AVX2__)
constexpr int planeLanes = 8;
#else
constexpr int planeLanes = 4;
#endif
typedef float PlaneVector __attribute__((vector_size(planeLanes * 4)));

}  // namespace
}  // namespace cpu

// GCC 12 makes three instructions of the portable ones if one operand is a constant.
#if defined(__AVX512F__)
template <>
inline cpu::FloatVector larger(cpu::FloatVector a, cpu::FloatVector b) {
  return (cpu::FloatVector)_mm512_maskz_max_ps(0xffff, (__m512)a, (__m512)b);
}
template <>
inline cpu::FloatVector smaller(cpu::FloatVector a, cpu::FloatVector b) {
  return (cpu::FloatVector)_mm512_maskz_min_ps(0xffff, (__m512)a, (__m512)b);
}
#endif
#if defined(__AVX2__)
template <>
inline cpu::PlaneVector larger(cpu::PlaneVector a, cpu::PlaneVector b) {
  return (cpu::PlaneVector)_mm256_max_ps((__m256)a, (__m256)b);
}
template <>
inline cpu::PlaneVector smaller(cpu::PlaneVector a, cpu::PlaneVector b) {
  return (cpu::PlaneVector)_mm256_min_ps((__m256)a, (__m256)b);
}
#else
template <>
inline cpu::PlaneVector larger(cpu::PlaneVector a, cpu::PlaneVector b) {
  return (cpu::PlaneVector)_mm_max_ps((__m128)a, (__m128)b);
}
template <>
inline cpu::PlaneVector smaller(cpu::PlaneVector a, cpu::PlaneVector b) {
  return (cpu::PlaneVector)_mm_min_ps((__m128)a, (__m128)b);
}
#endif

namespace cpu {
namespace {

// In every group of four lanes: two of a, then two of b.
template <int First, int Second, int Third, int Fourth>
inline PlaneVector pick(PlaneVector a, PlaneVector b) {
  constexpr int lanesToTake = First | Second << 2 | Third << 4 | Fourth << 6;
#if defined(__AVX2__)
  return (PlaneVector)_mm256_shuffle_ps((__m256)a, (__m256)b, lanesToTake);
#else
  return (PlaneVector)_mm_shuffle_ps((__m128)a, (__m128)b, lanesToTake);
#endif
}

// Each group of four lanes is four pixels, twelve floats, away from the one before it.
inline PlaneVector loadGroups(const float* x) {
#if defined(__AVX2__)
  return (PlaneVector)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x)), _mm_loadu_ps(x + 12), 1);
#else
  return load<PlaneVector>(x);
#endif
}

inline void storeGroups(float* y, PlaneVector v) {
#if defined(__AVX2__)
  _mm_storeu_ps(y, _mm256_castps256_ps128((__m256)v));
  _mm_storeu_ps(y + 12, _mm256_extractf128_ps((__m256)v, 1));
#else
  store(y, v);
#endif
}

// The channels of planeLanes pixels.
struct Planes {
  PlaneVector red, green, blue;
};

inline Planes loadColours(const float* x) {
  const PlaneVector a = loadGroups(x), b = loadGroups(x + 4), c = loadGroups(x + 8);  // r g b r, g b r g, b r g b
  const PlaneVector redGreen = pick<2, 3, 1, 2>(b, c);                                // r2 g2 r3 g3
  const PlaneVector greenBlue = pick<1, 2, 0, 1>(a, b);                               // g0 b0 g1 b1
  return {pick<0, 3, 0, 2>(a, redGreen), pick<0, 2, 1, 3>(greenBlue, redGreen), pick<1, 3, 0, 3>(greenBlue, c)};
}

inline void storeColours(float* y, const Planes& planes) {
  const PlaneVector redGreen = pick<0, 2, 0, 2>(planes.red, planes.green);    // r0 r2 g0 g2
  const PlaneVector greenBlue = pick<1, 3, 1, 3>(planes.green, planes.blue);  // g1 g3 b1 b3
  const PlaneVector blueRed = pick<0, 2, 1, 3>(planes.blue, planes.red);      // b0 b2 r1 r3
  storeGroups(y, pick<0, 2, 0, 2>(redGreen, blueRed));
  storeGroups(y + 4, pick<0, 2, 1, 3>(greenBlue, redGreen));
  storeGroups(y + 8, pick<1, 3, 1, 3>(blueRed, greenBlue));
}

inline void storeColours(Bf16* y, const Planes& planes) {
  float pixels[3 * planeLanes];
  storeColours(pixels, planes);
  for (int i = 0; i < 3 * planeLanes; ++i) y[i] = narrow<Bf16>(pixels[i]);
}

constexpr int vectorsAtOnce = 8;

// Brightness, contrast and saturation.
inline void recolour(const Colours& colours, float grey, PlaneVector& red, PlaneVector& green, PlaneVector& blue) {
  red = asPixel(colours.brightness * red);
  green = asPixel(colours.brightness * green);
  blue = asPixel(colours.brightness * blue);
  adjustColours(red, green, blue, colours, grey);
}

// Hue, and the normalisation.
template <bool ChangesHue>
inline void finish(float hue, const float* mean, const float* inverseDeviation, PlaneVector& red, PlaneVector& green,
                   PlaneVector& blue) {
  if (ChangesHue) shiftHue(red, green, blue, hue);
  red = (red - mean[0]) * inverseDeviation[0];
  green = (green - mean[1]) * inverseDeviation[1];
  blue = (blue - mean[2]) * inverseDeviation[2];
}

// Pixels of three channels: `vectors` times planeLanes.
template <bool ChangesHue, typename T>
inline void recolourPixels(const ColouredRow<T>& row, const float* x, T* y, int vectors) {
  // In two loops: of a long loop, whose results wait for each other, a processor sees too little at once.
  Planes changed[vectorsAtOnce];
  for (int v = 0; v < vectors; ++v) {
    Planes planes = loadColours(x + 3 * planeLanes * v);
    recolour(row.colours, row.grey, planes.red, planes.green, planes.blue);
    changed[v] = planes;
  }
  for (int v = 0; v < vectors; ++v) {
    Planes planes = changed[v];
    finish<ChangesHue>(row.colours.hue, row.mean, row.inverseDeviation, planes.red, planes.green, planes.blue);
    storeColours(y + 3 * planeLanes * v, planes);
  }
}

template <bool ChangesHue, typename T>
void recolourColours(const ColouredRow<T>& given) {
  const ColouredRow<T> row = given;
  int64_t p = 0;
  while (p + planeLanes <= row.pixels) {
    const int64_t left = (row.pixels - p) / planeLanes;
    const int vectors = left < vectorsAtOnce ? static_cast<int>(left) : vectorsAtOnce;
    recolourPixels<ChangesHue>(row, row.x + 3 * p, row.y + 3 * p, vectors);
    p += vectors * planeLanes;
  }
  if (p == row.pixels) return;
  if (row.pixels >= planeLanes) {  // some pixels twice
    p = 3 * (row.pixels - planeLanes);
    return recolourPixels<ChangesHue>(row, row.x + p, row.y + p, 1);
  }
  float x[3 * planeLanes] = {};
  T y[3 * planeLanes];
  memcpy(x, row.x, 3 * row.pixels * sizeof(float));
  recolourPixels<ChangesHue>(row, x, y, 1);
  memcpy(row.y, y, 3 * row.pixels * sizeof(T));
}

template <typename T>
void recolourRow(const ColouredRow<T>& row) {
  if (row.channels == 3) return row.colours.hue != 0.0f ? recolourColours<true>(row) : recolourColours<false>(row);
  const Colours colours = row.colours;
  const float added = (1.0f - colours.contrast) * row.grey;
  for (int64_t i = 0; i < row.pixels * row.channels; ++i) {
    const float pixel = asPixel(colours.contrast * asPixel(colours.brightness * row.x[i]) + added);
    store(row.y + i, (pixel - row.mean[i]) * row.inverseDeviation[i]);
  }
}

// Factors of the elements of a row, for three vectors: with three channels their shares of the grey, else 1.
struct GreyWeights {
  float of[3 * lanes];

  explicit constexpr GreyWeights(bool hasColours) : of() {
    constexpr float shares[3] = {kGreyOfRed, kGreyOfGreen, kGreyOfBlue};
    for (int i = 0; i < 3 * lanes; ++i) of[i] = hasColours ? shares[i % 3] : 1.0f;
  }
};

template <int Channels>
double sumGreysOf(const float* x, int64_t count, float brightness) {
  static constexpr GreyWeights weights(Channels == 3);
  FloatVector sums[3] = {};
  int64_t i = 0;
  const auto add = [&](int k) {
    sums[k] += load<FloatVector>(weights.of + k * lanes) * asPixel(brightness * load<FloatVector>(x + i));
    i += lanes;
  };
  while (i + 3 * lanes <= count) {
    for (int k = 0; k < 3; ++k) add(k);
  }
  if (i + lanes <= count) add(0);
  if (i + lanes <= count) add(1);
  float sum = 0.0f;  // of one row: little is lost
  for (; i < count; ++i) sum += weights.of[i % 3] * asPixel(brightness * x[i]);
  const FloatVector all = sums[0] + sums[1] + sums[2];
  for (int lane = 0; lane < lanes; ++lane) sum += all[lane];
  return sum;
}

double sumGreys(const float* x, int64_t pixels, int64_t channels, float brightness) {
  return channels == 3 ? sumGreysOf<3>(x, 3 * pixels, brightness) : sumGreysOf<1>(x, pixels, brightness);
}

}  // namespace
}  // namespace cpu
}  // namespace saturnn
