#include "cpu/augmentation/sampler.h"

#include <algorithm>

namespace saturnn::cpu {

namespace {

// Rounded up, with room for the loops that store four floats where three are needed.
constexpr int64_t floatsOf(int64_t count) { return (count + 1 + 15) / 16 * 16; }

}  // namespace

size_t Sampler::scratchBytes(const SampledShape& shape) {
  const int64_t floats = floatsOf(shape.sourceRow()) + floatsOf(shape.width * mostTaps) + floatsOf(shape.width);
  return floats * sizeof(float);
}

Sampler::Sampler(const SampledShape& shape, const SimdTable& simd, void* scratch)
    : shape_(shape),
      simd_(simd),
      gathered_(static_cast<float*>(scratch)),
      weights_(gathered_ + floatsOf(shape.sourceRow())),
      firsts_(reinterpret_cast<int32_t*>(weights_ + floatsOf(shape.width * mostTaps))) {}

void Sampler::begin(const uint8_t* image, const float* mean, const Place& place, bool mayCopy) {
  image_ = image;
  mean_ = mean;
  place_ = place;
  copies_ = mayCopy && isCopy(place);
  upright_ = isUpright(place);
  if (copies_ || !upright_) return;
  rows_ = extentOf(place.rowPerRow, place.firstRow, static_cast<int32_t>(shape_.height),
                   static_cast<int32_t>(shape_.sourceHeight));
  columns_ = extentOf(place.columnPerColumn, place.firstColumn, static_cast<int32_t>(shape_.width),
                      static_cast<int32_t>(shape_.sourceWidth));
  prepareColumns();
}

int64_t Sampler::copiedRow(int64_t h) const {
  const auto row = static_cast<int64_t>(place_.firstRow + static_cast<float>(h) * place_.rowPerRow);
  return row < 0 || row >= shape_.sourceHeight ? -1 : row;
}

Sampler::Columns Sampler::copiedColumns() const {
  const bool mirror = place_.columnPerColumn < 0.0f;
  const auto origin = static_cast<int64_t>(place_.firstColumn);
  // Column w of the result is column origin + w, or origin - w, of the source.
  const int64_t before = mirror ? origin - (shape_.sourceWidth - 1) : -origin;
  const int64_t end = mirror ? origin + 1 : shape_.sourceWidth - origin;
  const int64_t first = std::clamp<int64_t>(before, 0, shape_.width);
  const int64_t last = std::clamp<int64_t>(end, first, shape_.width);
  return {first, last, mirror ? origin - first : origin + first, mirror};
}

// Makes the weights of every column: tap t of column w is at weights_[t * width + w], for source column firsts_[w] + t.
void Sampler::prepareColumns() {
  const auto width = static_cast<int32_t>(shape_.width);
  taps_ = 1;
  hasEmpty_ = false;
  for (int32_t w = 0; w < width; ++w) {
    const Taps taps = tapsOf(place_.columnPerColumn, place_.firstColumn, w, columns_);
    taps_ = std::max(taps_, taps.last - taps.first + 1);
  }
  byPixel_ = taps_ > mostTaps || columns_.last - columns_.first + 1 < taps_;
  if (byPixel_) return;
  for (int32_t w = 0; w < width; ++w) {
    const Taps taps = tapsOf(place_.columnPerColumn, place_.firstColumn, w, columns_);
    // All columns have as many taps as the widest; those that are too many have the weight 0 and lie within the source.
    const int32_t first = std::min(taps.first, columns_.last + 1 - taps_);
    const bool isEmpty = taps.last < taps.first;
    hasEmpty_ = hasEmpty_ || isEmpty;
    firsts_[w] = isEmpty ? -1 : first - columns_.first;
    float sum = 0.0f;
    for (int32_t pixel = taps.first; pixel <= taps.last; ++pixel) sum += weightOf(taps, pixel);
    for (int32_t t = 0; t < taps_; ++t) {
      const int32_t pixel = first + t;
      const bool counts = !isEmpty && pixel >= taps.first && pixel <= taps.last;
      weights_[t * shape_.width + w] = counts ? weightOf(taps, pixel) / sum : 0.0f;
    }
  }
}

void Sampler::row(int64_t h, float* y) {
  if (!upright_) {
    rotatedRow(h, y);
  } else if (byPixel_) {
    pixelByPixel(h, y);
  } else {
    uprightRow(h, y);
  }
}

void Sampler::fill(float* y, int64_t pixels) const {
  for (int64_t i = 0; i < pixels; ++i) {
    for (int64_t c = 0; c < shape_.channels; ++c) *y++ = shape_.meanPerPixel ? 0.0f : mean_[c];
  }
}

// First sums the rows, then the columns.
void Sampler::uprightRow(int64_t h, float* y) {
  const Taps taps = tapsOf(place_.rowPerRow, place_.firstRow, static_cast<int32_t>(h), rows_);
  if (taps.last < taps.first || columns_.last < columns_.first) return fill(y, shape_.width);
  float sum = 0.0f;
  for (int32_t pixel = taps.first; pixel <= taps.last; ++pixel) sum += weightOf(taps, pixel);
  const int64_t begin = columns_.first * shape_.channels;
  const int64_t count = (columns_.last - columns_.first + 1) * shape_.channels;
  for (int32_t pixel = taps.first; pixel <= taps.last; pixel += rowsAtOnce) {
    float weights[rowsAtOnce] = {};
    const int32_t rows = std::min(rowsAtOnce, taps.last - pixel + 1);
    for (int32_t i = 0; i < rows; ++i) weights[i] = weightOf(taps, pixel + i) / sum;
    const int64_t at = pixel * shape_.sourceRow() + begin;
    simd_.sumRowsOfBytes({image_ + at, shape_.sourceRow(), weights, rows, gathered_, count, pixel == taps.first});
    if (!shape_.meanPerPixel) continue;
    for (int32_t k = 0; k < rows; ++k) {
      const float* mean = mean_ + at + k * shape_.sourceRow();
      for (int64_t i = 0; i < count; ++i) gathered_[i] -= weights[k] * mean[i];
    }
  }
  simd_.sumColumns({gathered_, firsts_, weights_, taps_, shape_.width, shape_.channels, y});
  if (!hasEmpty_) return;
  for (int64_t w = 0; w < shape_.width; ++w) {
    if (firsts_[w] < 0) fill(y + w * shape_.channels, 1);
  }
}

// For reductions by more than eight, which have many taps, and for sources that are narrower than the taps.
void Sampler::pixelByPixel(int64_t h, float* y) const {
  const Taps rows = tapsOf(place_.rowPerRow, place_.firstRow, static_cast<int32_t>(h), rows_);
  for (int64_t w = 0; w < shape_.width; ++w) {
    const Taps columns = tapsOf(place_.columnPerColumn, place_.firstColumn, static_cast<int32_t>(w), columns_);
    if (rows.last < rows.first || columns.last < columns.first) {
      fill(y + w * shape_.channels, 1);
      continue;
    }
    for (int64_t c = 0; c < shape_.channels; ++c) {
      float total = 0.0f, weights = 0.0f;
      for (int32_t i = rows.first; i <= rows.last; ++i) {
        for (int32_t j = columns.first; j <= columns.last; ++j) {
          const float weight = weightOf(rows, i) * weightOf(columns, j);
          const int64_t at = i * shape_.sourceRow() + j * shape_.channels + c;
          total += weight * (static_cast<float>(image_[at]) - (shape_.meanPerPixel ? mean_[at] : 0.0f));
          weights += weight;
        }
      }
      y[w * shape_.channels + c] = total / weights;
    }
  }
}

void Sampler::rotatedRow(int64_t h, float* y) const {
  simd_.rotateRow({image_, mean_, shape_.sourceHeight, shape_.sourceWidth, shape_.channels, shape_.meanPerPixel,
                   place_.rowPerColumn, place_.firstRow + static_cast<float>(h) * place_.rowPerRow,
                   place_.columnPerColumn, place_.firstColumn + static_cast<float>(h) * place_.columnPerRow, y,
                   shape_.width});
}

}  // namespace saturnn::cpu
