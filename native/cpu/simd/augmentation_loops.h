// The loops of augmentation: rows of augmented images, and their colours.
#pragma once

#include "cpu/simd/table.h"
#include "cpu/simd/vector.h"

namespace saturnn::cpu {
namespace {

template <typename T>
void augmentRow(const AugmentRow<T>& row) {
  if (!row.mirror) {
    const int64_t count = row.pixels * row.channels;
    for (int64_t i = 0; i < count; ++i) {
      row.y[i] = narrow<T>((static_cast<float>(row.source[i]) - row.mean[i]) * row.inverseDeviation[i]);
    }
    return;
  }
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

void addBytes(const uint8_t* x, float weight, float* y, int64_t count, bool isFirst) {
  if (isFirst) {
    for (int64_t i = 0; i < count; ++i) y[i] = weight * static_cast<float>(x[i]);
  } else {
    for (int64_t i = 0; i < count; ++i) y[i] += weight * static_cast<float>(x[i]);
  }
}

template <int Channels>
void sumColumnsOf(const ColumnSums& sums) {
  float* y = sums.y;
  for (int64_t w = 0; w < sums.pixels; ++w, y += Channels) {
    const int32_t first = sums.firsts[w];
    if (first < 0) continue;
    const float* x = sums.x + first * Channels;
    float total[Channels] = {};
    for (int32_t t = 0; t < sums.taps; ++t) {
      const float weight = sums.weights[t * sums.pixels + w];
      for (int c = 0; c < Channels; ++c) total[c] += weight * x[t * Channels + c];
    }
    for (int c = 0; c < Channels; ++c) y[c] = total[c];
  }
}

void sumColumnsOfAny(const ColumnSums& sums) {
  for (int64_t w = 0; w < sums.pixels; ++w) {
    if (sums.firsts[w] < 0) continue;
    for (int64_t c = 0; c < sums.channels; ++c) {
      float total = 0.0f;
      for (int32_t t = 0; t < sums.taps; ++t) {
        total += sums.weights[t * sums.pixels + w] * sums.x[(sums.firsts[w] + t) * sums.channels + c];
      }
      sums.y[w * sums.channels + c] = total;
    }
  }
}

void sumColumns(const ColumnSums& sums) {
  switch (sums.channels) {
    case 1: return sumColumnsOf<1>(sums);
    case 3: return sumColumnsOf<3>(sums);
    case 4: return sumColumnsOf<4>(sums);
    default: return sumColumnsOfAny(sums);
  }
}

// Bilinear. A pixel outside of the source counts as the mean.
template <int Channels>
void rotateRowOf(const RotatedRow& r) {
  const int64_t channels = Channels > 0 ? Channels : r.channels;
  const auto height = static_cast<int32_t>(r.height), width = static_cast<int32_t>(r.width);
  float* y = r.y;
  for (int64_t w = 0; w < r.pixels; ++w, y += channels) {
    const float row = r.row + static_cast<float>(w) * r.rowStep,
                column = r.column + static_cast<float>(w) * r.columnStep;
    const int32_t top = pixelBelow(row), left = pixelBelow(column);
    const float below = row - static_cast<float>(top), right = column - static_cast<float>(left);
    const float weights[4] = {(1.0f - below) * (1.0f - right), (1.0f - below) * right, below * (1.0f - right),
                              below * right};
    for (int64_t c = 0; c < channels; ++c) y[c] = r.meanPerPixel ? 0.0f : r.mean[c];
    if (top < -1 || left < -1 || top >= height || left >= width) continue;
    for (int corner = 0; corner < 4; ++corner) {
      const int32_t i = top + (corner >> 1), j = left + (corner & 1);
      if (i < 0 || j < 0 || i >= height || j >= width) continue;
      const int64_t at = (static_cast<int64_t>(i) * width + j) * channels;
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
  float sum = 0.0f;  // of one row: little is lost
  if (channels != 3) {
    for (int64_t i = 0; i < count; ++i) sum += x[i];
  } else {
    for (int64_t i = 0; i < count; i += 3) sum += greyOf(x[i], x[i + 1], x[i + 2]);
  }
  return sum;
}

void recolourRow(float* x, int64_t pixels, int64_t channels, const Colours& colours, float grey) {
  if (channels != 3) {
    const int64_t count = pixels * channels;
    for (int64_t i = 0; i < count; ++i) x[i] = asPixel(colours.contrast * x[i] + (1.0f - colours.contrast) * grey);
    return;
  }
  for (int64_t p = 0; p < pixels; ++p) {
    float pixel[3] = {x[3 * p], x[3 * p + 1], x[3 * p + 2]};
    recolour(pixel, colours, grey);
    for (int c = 0; c < 3; ++c) x[3 * p + c] = pixel[c];
  }
}

}  // namespace
}  // namespace saturnn::cpu
