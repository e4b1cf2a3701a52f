// The loop that rotates images of bytes: a row in f32, bilinear.
#pragma once

#include "cpu/simd/colour_loops.h"
#include "cpu/simd/sampling_loops.h"

namespace saturnn::cpu {
namespace {

// Where some pixels of a row lie in the source: right of and below pixel (top, left), by parts of a pixel.
struct Points {
  static constexpr int most = 64;
  int32_t top[most], left[most];
  float below[most], right[most];
  int32_t
      offset[most];  // of pixel (top, left), in bytes; -1 unless all four pixels lie in the source, with a fourth byte
};

constexpr int64_t kMostOffset = 1 << 30;  // that an int32_t holds, even of pixels outside of the source

// The pixels below positions, and by which part the positions are further; as pixelBelow().
struct Positions {
  IntVector pixels;
  FloatVector parts;

  explicit Positions(FloatVector given) {
    const FloatVector position = within(given, -kFarPixel, kFarPixel);
    const IntVector nearer = __builtin_convertvector(position, IntVector);  // to zero
    pixels = nearer + (__builtin_convertvector(nearer, FloatVector) > position);
    parts = position - __builtin_convertvector(pixels, FloatVector);
  }
};

// Finds pixels `first` to `first` + count - 1 of a row, and those that fill the last vector.
inline void locate(const RotatedRow& r, int64_t first, int count, Points& points) {
  const int64_t pitch = r.width * r.channels;
  const bool fast = !r.meanPerPixel && r.height * pitch < kMostOffset;
  const auto height = static_cast<int32_t>(fast ? r.height : 0), width = static_cast<int32_t>(r.width);
  const auto rowBytes = static_cast<int32_t>(pitch), pixelBytes = static_cast<int32_t>(r.channels);
  FloatVector w;
  for (int lane = 0; lane < lanes; ++lane) w[lane] = static_cast<float>(static_cast<int32_t>(first) + lane);
  for (int i = 0; i < count; i += lanes, w += static_cast<float>(lanes)) {
    const Positions rows(r.row + w * r.rowStep), columns(r.column + w * r.columnStep);
    const IntVector top = rows.pixels, left = columns.pixels;
    // Not the last two pixels of a row, because there is no fourth byte behind the last of an image.
    const IntVector inside = (top >= 0) & (top < height - 1) & (left >= 0) & (left < width - 2);
    const IntVector offset = inside ? top * rowBytes + left * pixelBytes : IntVector{} - 1;
    memcpy(points.top + i, &top, sizeof top);
    memcpy(points.left + i, &left, sizeof left);
    memcpy(points.offset + i, &offset, sizeof offset);
    store(points.below + i, rows.parts);
    store(points.right + i, columns.parts);
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

// A pixel of the source that lies outside counts as the mean. Not inlined, to leave registers to the pixels within.
__attribute__((noinline)) void interpolateEdge(const RotatedRow& r, const Points& points, int point, float* y) {
  const int32_t top = points.top[point], left = points.left[point];
  const float below = points.below[point], right = points.right[point];
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
void rotateRowOf(const RotatedRow& r) {
  const int64_t channels = Channels > 0 ? Channels : r.channels, pitch = r.width * channels, pixels = r.pixels;
  const uint8_t* const image = r.image;
  float* y = r.y;
  Points points;
  for (int64_t first = 0; first < pixels; first += Points::most) {
    const int count = pixels - first < Points::most ? static_cast<int>(pixels - first) : Points::most;
    locate(r, first, count, points);
    for (int i = 0; i < count; ++i, y += channels) {
      if (points.offset[i] >= 0) {
        const uint8_t* above = image + points.offset[i];
        interpolate<Channels>(above, above + pitch, channels, points.below[i], points.right[i], y);
      } else {
        interpolateEdge(r, points, i, y);
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
