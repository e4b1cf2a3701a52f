// The loops of augmentation: rows of augmented images, and their colours.
#pragma once

#include "cpu/simd/table.h"
#include "cpu/simd/vector.h"

namespace saturnn::cpu {
namespace {

// Four floats: the three channels of a pixel, and one that the next pixel overwrites.
typedef float PixelVector __attribute__((vector_size(16)));

inline PixelVector pixelOf(const float* x) {
  PixelVector pixel;
  memcpy(&pixel, x, sizeof pixel);
  return pixel;
}

inline PixelVector pixelOf(const uint8_t* x) {
  typedef uint8_t Bytes __attribute__((vector_size(4)));
  Bytes bytes;
  memcpy(&bytes, x, sizeof bytes);
  return __builtin_convertvector(bytes, PixelVector);
}

template <typename T>
void normalizeBytes(const uint8_t* x, const float* mean, const float* inverseDeviation, T* y, int64_t count) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    y[i] = narrow<T>((static_cast<float>(x[i]) - mean[i]) * inverseDeviation[i]);
  }
}

// Writes `pixels` pixels of three bytes in reverse order, five at a time.
inline void reverseColours(const uint8_t* x, uint8_t* y, int64_t pixels) {
  typedef uint8_t Bytes __attribute__((vector_size(16)));
  const uint8_t* from = x + 3 * pixels;
  uint8_t* const end = y + 3 * pixels;
  // A vector has one byte more than five pixels: it may come from the pixel before, but not from before the first one.
  while (end - y >= 18) {
    from -= 15;
    Bytes bytes;
    memcpy(&bytes, from - 1, sizeof bytes);
#ifdef __clang__
    bytes = __builtin_shufflevector(bytes, bytes, 13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, 0);
#else
    bytes = __builtin_shuffle(bytes, Bytes{13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, 0});
#endif
    memcpy(y, &bytes, sizeof bytes);
    y += 15;
  }
  for (; y < end; y += 3) {
    from -= 3;
    for (int c = 0; c < 3; ++c) y[c] = from[c];
  }
}

// The mean and the deviation are the same for every pixel, so only the bytes are reversed.
template <typename T>
void mirrorColours(const AugmentRow<T>& row) {
  constexpr int64_t block = 80;
  uint8_t reversed[3 * block];
  T* y = row.y;
  for (int64_t left = row.pixels; left > 0; left -= block, y += 3 * block) {
    const int64_t pixels = left < block ? left : block;
    reverseColours(row.source + 3 * (left - pixels), reversed, pixels);
    normalizeBytes(reversed, row.mean, row.inverseDeviation, y, 3 * pixels);
  }
}

template <typename T>
void mirrorRow(const AugmentRow<T>& row) {
  const uint8_t* pixel = row.source + row.pixels * row.channels;
  const float* mean = row.mean + row.pixels * row.channels;
  T* y = row.y;
  for (int64_t p = 0; p < row.pixels; ++p) {
    pixel -= row.channels;
    mean -= row.channels;
    for (int64_t c = 0; c < row.channels; ++c) {
      *y++ = narrow<T>((static_cast<float>(pixel[c]) - mean[c]) * row.inverseDeviation[c]);
    }
  }
}

template <typename T>
void augmentRow(const AugmentRow<T>& row) {
  if (!row.mirror) return normalizeBytes(row.source, row.mean, row.inverseDeviation, row.y, row.pixels * row.channels);
  if (row.channels == 3 && !row.meanPerPixel) return mirrorColours(row);
  mirrorRow(row);
}

template <typename T>
void normalizeRow(const float* x, const float* mean, const float* inverseDeviation, T* y, int64_t count) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) y[i] = narrow<T>((x[i] - mean[i]) * inverseDeviation[i]);
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

// Here and below, a copy of the description stays in registers: what is stored might be a part of the caller's.
void sumRowsOfBytes(const ByteRows& given) {
  const ByteRows r = given;
  const uint8_t *a = r.x, *b = r.x + r.pitch * (r.rows > 1), *c = r.x + 2 * r.pitch * (r.rows > 2);
  const float wa = r.weights[0], wb = r.weights[1], wc = r.weights[2];
  float* y = r.y;
  if (!r.isFirst) {
#pragma GCC ivdep
    for (int64_t i = 0; i < r.count; ++i) {
      y[i] += wa * static_cast<float>(a[i]) + wb * static_cast<float>(b[i]) + wc * static_cast<float>(c[i]);
    }
  } else if (r.rows > 2) {
#pragma GCC ivdep
    for (int64_t i = 0; i < r.count; ++i) {
      y[i] = wa * static_cast<float>(a[i]) + wb * static_cast<float>(b[i]) + wc * static_cast<float>(c[i]);
    }
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < r.count; ++i) y[i] = wa * static_cast<float>(a[i]) + wb * static_cast<float>(b[i]);
  }
}

template <int Taps>
void sumColoursOf(const ColumnSums& given) {
  const ColumnSums sums = given;
  const int32_t taps = Taps > 0 ? Taps : sums.taps;
  float* y = sums.y;
  for (int64_t w = 0; w < sums.pixels; ++w, y += 3) {
    const int32_t first = sums.firsts[w] < 0 ? 0 : sums.firsts[w];
    const float* x = sums.x + first * 3;
    PixelVector total = sums.weights[w] * pixelOf(x);
    for (int32_t t = 1; t < taps; ++t) total += sums.weights[t * sums.pixels + w] * pixelOf(x + 3 * t);
    memcpy(y, &total, sizeof total);
  }
}

template <int Channels>
void sumColumnsOf(const ColumnSums& given) {
  const ColumnSums sums = given;
  const int64_t channels = Channels > 0 ? Channels : sums.channels;
  float* y = sums.y;
  for (int64_t w = 0; w < sums.pixels; ++w, y += channels) {
    if (sums.firsts[w] < 0) continue;
    const float* x = sums.x + sums.firsts[w] * channels;
    for (int64_t c = 0; c < channels; ++c) {
      float total = 0.0f;
      for (int32_t t = 0; t < sums.taps; ++t) total += sums.weights[t * sums.pixels + w] * x[t * channels + c];
      y[c] = total;
    }
  }
}

void sumColumns(const ColumnSums& sums) {
  if (sums.channels == 1) return sumColumnsOf<1>(sums);
  if (sums.channels != 3) return sumColumnsOf<0>(sums);
  switch (sums.taps) {
    case 1: return sumColoursOf<1>(sums);
    case 2: return sumColoursOf<2>(sums);
    case 3: return sumColoursOf<3>(sums);
    default: return sumColoursOf<0>(sums);
  }
}

// Bilinear. A pixel outside of the source counts as the mean.
template <int Channels>
void rotateRowOf(const RotatedRow& given) {
  const RotatedRow r = given;
  const int64_t channels = Channels > 0 ? Channels : r.channels, pitch = r.width * channels;
  const auto height = static_cast<int32_t>(r.height), width = static_cast<int32_t>(r.width);
  float* y = r.y;
  for (int64_t w = 0; w < r.pixels; ++w, y += channels) {
    const float row = r.row + static_cast<float>(w) * r.rowStep,
                column = r.column + static_cast<float>(w) * r.columnStep;
    const int32_t top = pixelBelow(row), left = pixelBelow(column);
    const float below = row - static_cast<float>(top), right = column - static_cast<float>(left);
    const float weights[4] = {(1.0f - below) * (1.0f - right), (1.0f - below) * right, below * (1.0f - right),
                              below * right};
    if (!r.meanPerPixel && top >= 0 && left >= 0 && top < height - 1 && left < width - 1) {
      const uint8_t *above = r.image + top * pitch + left * channels, *under = above + pitch;
      // Not the last two pixels of a row: there is no fourth byte behind the last of an image, nor a fourth float.
      if (Channels == 3 && left < width - 2 && w < r.pixels - 1) {
        const PixelVector value = weights[0] * pixelOf(above) + weights[1] * pixelOf(above + 3) +
                                  weights[2] * pixelOf(under) + weights[3] * pixelOf(under + 3);
        memcpy(y, &value, sizeof value);
        continue;
      }
      for (int64_t c = 0; c < channels; ++c) {
        y[c] = weights[0] * static_cast<float>(above[c]) + weights[1] * static_cast<float>(above[c + channels]) +
               weights[2] * static_cast<float>(under[c]) + weights[3] * static_cast<float>(under[c + channels]);
      }
      continue;
    }
    for (int64_t c = 0; c < channels; ++c) y[c] = r.meanPerPixel ? 0.0f : r.mean[c];
    if (top < -1 || left < -1 || top >= height || left >= width) continue;
    for (int corner = 0; corner < 4; ++corner) {
      const int32_t i = top + (corner >> 1), j = left + (corner & 1);
      if (i < 0 || j < 0 || i >= height || j >= width) continue;
      const int64_t at = i * pitch + j * channels;
      const float* mean = r.meanPerPixel ? r.mean + at : r.mean;
      for (int64_t c = 0; c < channels; ++c) {
        y[c] += weights[corner] * (static_cast<float>(r.image[at + c]) - mean[c]);
      }
    }
  }
}

void rotateRow(const RotatedRow& row) {
  switch (row.channels) {
    case 1: return rotateRowOf<1>(row);
    case 3: return rotateRowOf<3>(row);
    default: return rotateRowOf<0>(row);
  }
}

double brighten(float* x, int64_t pixels, int64_t channels, float factor) {
  const int64_t count = pixels * channels;
  for (int64_t i = 0; i < count; ++i) x[i] = asPixel(factor * x[i]);
  FloatVector sums = {};
  int64_t i = 0;
  // The weights of the channels repeat after three vectors.
  if (channels == 3) {
    FloatVector weights[3];
    for (int k = 0; k < 3 * lanes; ++k) {
      const float weight = k % 3 == 0 ? greyOf(1, 0, 0) : k % 3 == 1 ? greyOf(0, 1, 0) : greyOf(0, 0, 1);
      weights[k / lanes][k % lanes] = weight;
    }
    for (; i + 3 * lanes <= count; i += 3 * lanes) {
      for (int k = 0; k < 3; ++k) sums += weights[k] * load<FloatVector>(x + i + k * lanes);
    }
  } else {
    for (; i + lanes <= count; i += lanes) sums += load<FloatVector>(x + i);
  }
  float sum = 0.0f;  // of one row: little is lost
  for (int lane = 0; lane < lanes; ++lane) sum += sums[lane];
  if (channels == 3) {
    for (; i < count; i += 3) sum += greyOf(x[i], x[i + 1], x[i + 2]);
  } else {
    for (; i < count; ++i) sum += x[i];
  }
  return sum;
}

void recolourRow(float* x, int64_t pixels, int64_t channels, const Colours& given, float grey) {
  const Colours colours = given;
  if (channels != 3) {
    const int64_t count = pixels * channels;
    for (int64_t i = 0; i < count; ++i) x[i] = asPixel(colours.contrast * x[i] + (1.0f - colours.contrast) * grey);
    return;
  }
  // Channel by channel, so that one instruction works on many pixels.
  constexpr int block = 64;
  float red[block], green[block], blue[block];
  for (int64_t first = 0; first < pixels; first += block, x += 3 * block) {
    const int count = pixels - first < block ? static_cast<int>(pixels - first) : block;
    for (int p = 0; p < count; ++p) {
      red[p] = x[3 * p];
      green[p] = x[3 * p + 1];
      blue[p] = x[3 * p + 2];
    }
    for (int p = 0; p < count; ++p) adjustColours(red[p], green[p], blue[p], colours, grey);
    if (colours.hue != 0.0f) {
      for (int p = 0; p < count; ++p) shiftHue(red[p], green[p], blue[p], colours.hue);
    }
    for (int p = 0; p < count; ++p) {
      x[3 * p] = red[p];
      x[3 * p + 1] = green[p];
      x[3 * p + 2] = blue[p];
    }
  }
}

}  // namespace
}  // namespace saturnn::cpu
