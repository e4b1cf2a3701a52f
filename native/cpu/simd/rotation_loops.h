// The loop that rotates images of bytes: a row in f32, bilinear.
#pragma once

#include "cpu/simd/sampling_loops.h"

namespace saturnn::cpu {
namespace {

// Where some pixels of a row lie in the source: right of and below pixel (top, left), by parts of a pixel.
struct Points {
  static constexpr int most = 64;
  int32_t top[most], left[most];
  float below[most], right[most];
};

// Finds pixels `first` to `first` + count - 1 of a row.
inline void locate(const RotatedRow& r, int64_t first, int count, Points& points) {
  for (int i = 0; i < count; ++i) {
    const auto w = static_cast<float>(static_cast<int32_t>(first) + i);
    const float row = r.row + w * r.rowStep, column = r.column + w * r.columnStep;
    points.top[i] = pixelBelow(row);
    points.left[i] = pixelBelow(column);
    points.below[i] = row - static_cast<float>(points.top[i]);
    points.right[i] = column - static_cast<float>(points.left[i]);
  }
}

template <typename V>
inline V between(V a, V b, float part) {
  return a + part * (b - a);
}

template <int Channels>
inline void interpolate(const uint8_t* above, const uint8_t* under, int64_t channels, float below, float right,
                        float* y) {
  if constexpr (Channels == 3) {
    const PixelVector upper = between(pixelOf(above), pixelOf(above + 3), right);
    const PixelVector lower = between(pixelOf(under), pixelOf(under + 3), right);
    store(y, between(upper, lower, below));
  } else {
    for (int64_t c = 0; c < channels; ++c) {
      const auto at = [c, channels](const uint8_t* row, int k) { return loadFloats<float>(row + k * channels + c); };
      const float upper = between(at(above, 0), at(above, 1), right),
                  lower = between(at(under, 0), at(under, 1), right);
      y[c] = between(upper, lower, below);
    }
  }
}

// A pixel of the source that lies outside counts as the mean.
void interpolateEdge(const RotatedRow& r, int32_t top, int32_t left, float below, float right, float* y) {
  for (int64_t c = 0; c < r.channels; ++c) y[c] = r.meanPerPixel ? 0.0f : r.mean[c];
  if (top < -1 || left < -1 || top >= r.height || left >= r.width) return;
  for (int corner = 0; corner < 4; ++corner) {
    const int32_t i = top + (corner >> 1), j = left + (corner & 1);
    if (i < 0 || j < 0 || i >= r.height || j >= r.width) continue;
    const float weight = (corner >> 1 ? below : 1.0f - below) * (corner & 1 ? right : 1.0f - right);
    const int64_t at = (i * r.width + j) * r.channels;
    const float* mean = r.meanPerPixel ? r.mean + at : r.mean;
    for (int64_t c = 0; c < r.channels; ++c) y[c] += weight * (loadFloats<float>(r.image + at + c) - mean[c]);
  }
}

template <int Channels>
void rotateRowOf(const RotatedRow& given) {
  const RotatedRow r = given;
  const int64_t channels = Channels > 0 ? Channels : r.channels, pitch = r.width * channels;
  // There is no fourth byte behind the last pixel of an image.
  const int64_t lastTop = r.meanPerPixel ? -1 : r.height - 2, lastLeft = r.width - (Channels == 3 ? 3 : 2);
  float* y = r.y;
  Points points;
  for (int64_t first = 0; first < r.pixels; first += Points::most) {
    const int count = r.pixels - first < Points::most ? static_cast<int>(r.pixels - first) : Points::most;
    locate(r, first, count, points);
    for (int i = 0; i < count; ++i, y += channels) {
      const int32_t top = points.top[i], left = points.left[i];
      const float below = points.below[i], right = points.right[i];
      if (top >= 0 && left >= 0 && top <= lastTop && left <= lastLeft) {
        const uint8_t* above = r.image + top * pitch + left * channels;
        interpolate<Channels>(above, above + pitch, channels, below, right, y);
      } else {
        interpolateEdge(r, top, left, below, right, y);
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

}  // namespace
}  // namespace saturnn::cpu
