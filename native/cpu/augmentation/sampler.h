// Rows of an image of bytes as an augmented image sees them: moved, resized and rotated as a Place says, in f32.
#pragma once

#include "cpu/simd/table.h"
#include "shared/augmentation.h"

namespace saturnn::cpu {

// The sizes of augment's tensors, and how its mean lies in memory.
struct SampledShape {
  int64_t sourceHeight, sourceWidth, height, width, channels;
  bool meanPerPixel;

  int64_t sourceRow() const { return sourceWidth * channels; }
  int64_t row() const { return width * channels; }
};

// Samples one image at a time, in the memory of one thread.
class Sampler {
 public:
  // Most pixels of the source in a row or column that one pixel of the result is made of on the fast way.
  static constexpr int32_t mostTaps = 16;

  // Bytes of memory that begin() gets.
  static size_t scratchBytes(const SampledShape& shape);

  Sampler(const SampledShape& shape, const SimdTable& simd, void* scratch);

  // Chooses an image. `mean`: [channels], or of the whole image. `place` is finite.
  void begin(const uint8_t* image, const float* mean, const Place& place);

  // Whether the rows are bytes of the image, so that copiedRow() may be used instead of row().
  bool copies() const { return copies_; }
  // The row of the source that is copied to row h; -1: it lies outside.
  int64_t copiedRow(int64_t h) const;
  // The columns of the result, from `first` to below `last`, that lie in the source; the first of them comes from column
  // `source` and the others from its right, or from its left if `mirror`.
  struct Columns {
    int64_t first, last, source;
    bool mirror;

    // The leftmost column of the source.
    int64_t leftmost() const { return mirror ? source - (last - first - 1) : source; }
  };
  Columns copiedColumns() const;

  // Floats that row() may write: one more than a row has.
  static int64_t rowFloats(const SampledShape& shape) { return shape.row() + 1; }

  // Computes row h: [width, channels]. Pixels are 0 to 255, less the mean if there is one per pixel. Outside of the source they
  // are the channel's mean, or 0 if there is one per pixel.
  void row(int64_t h, float* y);

 private:
  void copyRow(int64_t h, float* y) const;
  void uprightRow(int64_t h, float* y);
  void pixelByPixel(int64_t h, float* y) const;
  void rotatedRow(int64_t h, float* y) const;
  void fill(float* y, int64_t pixels) const;

  const SampledShape shape_;
  const SimdTable& simd_;
  TapWeights rows_{}, columns_{};  // of an upright image
  float* gathered_;                // [source columns + mostTaps, channels]: the weighted sum of rows
  const uint8_t* image_ = nullptr;
  const float* mean_ = nullptr;
  Place place_{};
  bool copies_ = false, upright_ = false, byPixel_ = false;
};

}  // namespace saturnn::cpu
