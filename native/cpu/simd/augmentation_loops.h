// The loops of augmentation that take pixels as they are: rows that are copied or mirrored, normalised, mixed.
#pragma once

#include "cpu/simd/table.h"
#include "cpu/simd/vector.h"

namespace saturnn::cpu {
namespace {

// Ways to change the elements of a row: of() takes as many as V holds, from index i on.
struct Unchanged {
  template <typename V>
  V of(V x, int64_t) const {
    return x;
  }
};

struct Normalized {
  const float *mean, *inverseDeviation;

  template <typename V>
  V of(V x, int64_t i) const {
    return (x - load<V>(mean + i)) * load<V>(inverseDeviation + i);
  }
};

template <typename X, typename T, typename Change>
void changeRow(const X* x, T* y, int64_t count, const Change change) {
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) store(y + i, change.of(loadFloats<FloatVector>(x + i), i));
  for (; i < count; ++i) store(y + i, change.of(loadFloats<float>(x + i), i));
}

// The elements that belong to one pixel are not reversed.
template <typename T, typename Change>
void mirrorPixels(const uint8_t* x, T* y, int64_t pixels, int64_t channels, const Change change) {
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t i = p * channels + c;
      store(y + i, change.of(loadFloats<float>(x + (pixels - 1 - p) * channels + c), i));
    }
  }
}

#if defined(__AVX2__)
// Sixteen pixels of three bytes in reverse order. Each vector takes bytes of two that are two bytes apart.
struct ReversedColours {
  __m128i vectors[3];

  explicit ReversedColours(const uint8_t* x) {
    const auto at = [x](int64_t offset) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + offset)); };
    constexpr char _ = -1;  // none
    vectors[0] =
        _mm_or_si128(_mm_shuffle_epi8(at(32), _mm_setr_epi8(13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, _)),
                     _mm_shuffle_epi8(at(30), _mm_setr_epi8(_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, 0)));
    vectors[1] =
        _mm_or_si128(_mm_shuffle_epi8(at(17), _mm_setr_epi8(14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, _, _)),
                     _mm_shuffle_epi8(at(15), _mm_setr_epi8(_, _, _, _, _, _, _, _, _, _, _, _, _, _, 0, 1)));
    vectors[2] =
        _mm_or_si128(_mm_shuffle_epi8(at(2), _mm_setr_epi8(15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, _, _, _)),
                     _mm_shuffle_epi8(at(0), _mm_setr_epi8(_, _, _, _, _, _, _, _, _, _, _, _, _, 0, 1, 2)));
  }

  // Elements `first` to `first` + lanes - 1, as floats.
  FloatVector floats(int first) const {
    const __m128i bytes = vectors[first / 16];
    return loadFloats<FloatVector>(reinterpret_cast<const uint8_t*>(&bytes) + first % 16);
  }
};

template <typename T, typename Change>
void mirrorColours(const uint8_t* x, T* y, int64_t pixels, const Change change) {
  constexpr int64_t block = 16;
  if (pixels < block) return mirrorPixels(x, y, pixels, 3, change);
  for (int64_t p = 0; p < pixels; p += block) {
    const int64_t first =
        p + block <= pixels ? p : pixels - block;  // the last block may overlap with the one before it
    const ReversedColours colours(x + 3 * (pixels - block - first));
    for (int i = 0; i < 3 * block; i += lanes) {
      store(y + 3 * first + i, change.of(colours.floats(i), 3 * first + i));
    }
  }
}
#else
template <typename T, typename Change>
void mirrorColours(const uint8_t* x, T* y, int64_t pixels, const Change change) {
  mirrorPixels(x, y, pixels, 3, change);
}
#endif

template <typename T, typename Change>
void copyRow(const uint8_t* x, T* y, int64_t pixels, int64_t channels, bool mirror, const Change change) {
  if (!mirror) return changeRow(x, y, pixels * channels, change);
  if (channels == 3) return mirrorColours(x, y, pixels, change);
  mirrorPixels(x, y, pixels, channels, change);
}

// The mean is reversed like the bytes.
template <typename T>
void mirrorCentred(const AugmentRow<T>& row) {
  for (int64_t p = 0; p < row.pixels; ++p) {
    const int64_t at = (row.pixels - 1 - p) * row.channels;
    for (int64_t c = 0; c < row.channels; ++c) {
      const float centred = loadFloats<float>(row.source + at + c) - row.mean[at + c];
      store(row.y + p * row.channels + c, centred * row.inverseDeviation[c]);
    }
  }
}

template <typename T>
void augmentRow(const AugmentRow<T>& row) {
  if (row.mirror && row.meanPerPixel) return mirrorCentred(row);
  copyRow(row.source, row.y, row.pixels, row.channels, row.mirror, Normalized{row.mean, row.inverseDeviation});
}

void bytesToFloats(const uint8_t* x, float* y, int64_t pixels, int64_t channels, bool mirror) {
  copyRow(x, y, pixels, channels, mirror, Unchanged{});
}

template <typename T>
void normalizeRow(const float* x, const float* mean, const float* inverseDeviation, T* y, int64_t count) {
  changeRow(x, y, count, Normalized{mean, inverseDeviation});
}

template <typename T>
void mix(const T* x, float share, const T* partner, float rest, T* y, int64_t count) {
  if (rest == 0.0f) {
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) y[i] = narrow<T>(share * widen(x[i]));
    return;
  }
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) y[i] = narrow<T>(share * widen(x[i]) + rest * widen(partner[i]));
}

}  // namespace
}  // namespace saturnn::cpu
