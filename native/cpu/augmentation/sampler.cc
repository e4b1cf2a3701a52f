#include "cpu/augmentation/sampler.h"

#include <algorithm>
#include <cmath>

#include "cpu/augmentation/fetch.h"

namespace saturnn::cpu {

namespace {

constexpr int64_t mostFetched = 256 << 10;  // bytes of an image: fits into the cache of one core

// Rounded up, with room for the loops that store four floats where three are needed.
constexpr int64_t floatsOf(int64_t count) { return (count + 1 + 15) / 16 * 16; }

int64_t gatheredFloats(const SampledShape& shape) {
  return floatsOf(shape.sourceRow() + Sampler::mostTaps * shape.channels);
}

// The scratch memory of TapWeights: of the weights and of the first pixels.
constexpr int64_t tapFloats(int64_t length) { return floatsOf(length * Sampler::mostTaps) + floatsOf(length); }

// The most pixels within the support of one: those whose distance is less.
int32_t tapsWithin(float scale) {
  return std::max(2, static_cast<int32_t>(std::ceil(std::min(2.0f * std::abs(scale), kFarPixel))));
}

// Whether position i of a result has no pixels in the source.
bool isOutside(const TapWeights& taps, int64_t i) {
  const float* weights = taps.weights + i * taps.pitch;
  return std::all_of(weights, weights + taps.pitch, [](float weight) { return weight == 0.0f; });
}

}  // namespace

size_t Sampler::scratchBytes(const SampledShape& shape) {
  return (gatheredFloats(shape) + tapFloats(shape.height) + tapFloats(shape.width)) * sizeof(float);
}

Sampler::Sampler(const SampledShape& shape, const SimdTable& simd, void* scratch)
    : shape_(shape), simd_(simd), gathered_(static_cast<float*>(scratch)) {
  float* memory = gathered_ + gatheredFloats(shape);
  for (TapWeights* taps : {&rows_, &columns_}) {
    taps->length = static_cast<int32_t>(taps == &rows_ ? shape.height : shape.width);
    taps->weights = memory;
    taps->firsts = reinterpret_cast<int32_t*>(memory + floatsOf(taps->length * mostTaps));
    memory += tapFloats(taps->length);
  }
}

void Sampler::begin(const uint8_t* image, const float* mean, const Place& place) {
  image_ = image;
  mean_ = mean;
  place_ = place;
  copies_ = isCopy(place);
  upright_ = isUpright(place);
  // A rotated row crosses many rows of the source, whose lines would be waited for one by one.
  const int64_t bytes = shape_.sourceHeight * shape_.sourceRow();
  if (!upright_ && bytes <= mostFetched) fetchForLoads(image, bytes);
  if (copies_ || !upright_) return;
  const auto prepare = [](TapWeights& taps, float scale, float origin, int64_t sourceLength, int64_t stride) {
    taps.scale = scale;
    taps.origin = origin;
    taps.extent = extentOf(scale, origin, taps.length, static_cast<int32_t>(sourceLength));
    taps.taps = tapsWithin(scale);
    taps.pitch = (taps.taps + tapGroup - 1) / tapGroup * tapGroup;
    taps.stride = static_cast<int32_t>(stride);
  };
  prepare(rows_, place.rowPerRow, place.firstRow, shape_.sourceHeight, 1);
  prepare(columns_, place.columnPerColumn, place.firstColumn, shape_.sourceWidth, shape_.channels);
  byPixel_ = rows_.taps > mostTaps || columns_.taps > mostTaps;
  if (byPixel_) return;
  simd_.prepareTaps(rows_);
  simd_.prepareTaps(columns_);
  // The loops read some pixels, whose weights are 0, behind the last.
  const int64_t count = std::max(0, columns_.extent.last + 1 - columns_.extent.first) * shape_.channels;
  std::fill(gathered_ + count, gathered_ + count + mostTaps * shape_.channels + 1, 0.0f);
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

void Sampler::row(int64_t h, float* y) {
  if (copies_) {
    copyRow(h, y);
  } else if (!upright_) {
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

void Sampler::copyRow(int64_t h, float* y) const {
  const int64_t row = copiedRow(h), channels = shape_.channels;
  const Columns columns = copiedColumns();
  if (row < 0 || columns.first == columns.last) return fill(y, shape_.width);
  fill(y, columns.first);
  fill(y + columns.last * channels, shape_.width - columns.last);
  simd_.bytesToFloats(image_ + row * shape_.sourceRow() + columns.leftmost() * channels, y + columns.first * channels,
                      columns.last - columns.first, channels, columns.mirror);
}

// First sums the rows, then the columns.
void Sampler::uprightRow(int64_t h, float* y) {
  if (isOutside(rows_, h) || columns_.extent.last < columns_.extent.first) return fill(y, shape_.width);
  const int32_t begin = rows_.extent.first + rows_.firsts[h];
  const int32_t end = std::min(begin + rows_.taps, rows_.extent.last + 1);
  const float* weights = rows_.weights + h * rows_.pitch;
  const int64_t left = columns_.extent.first * shape_.channels;
  const int64_t count = (columns_.extent.last + 1 - columns_.extent.first) * shape_.channels;
  for (int32_t pixel = begin; pixel < end; pixel += rowsAtOnce, weights += rowsAtOnce) {
    const int64_t at = pixel * shape_.sourceRow() + left;
    const int32_t rows = std::min(rowsAtOnce, end - pixel);
    simd_.sumRowsOfBytes({image_ + at, shape_.sourceRow(), weights, rows, gathered_, count, pixel == begin});
    if (!shape_.meanPerPixel) continue;
    for (int32_t k = 0; k < rows; ++k) {
      const float* mean = mean_ + at + k * shape_.sourceRow();
      for (int64_t i = 0; i < count; ++i) gathered_[i] -= weights[k] * mean[i];
    }
  }
  simd_.sumColumns({gathered_, columns_, shape_.channels, y});
  // Columns without pixels in the source are at the ends of the row.
  int64_t first = 0, last = shape_.width;
  while (first < last && isOutside(columns_, first)) fill(y + shape_.channels * first++, 1);
  while (last > first && isOutside(columns_, last - 1)) fill(y + shape_.channels * --last, 1);
}

// For reductions by more than eight, which have many taps.
void Sampler::pixelByPixel(int64_t h, float* y) const {
  const Taps rows = tapsOf(rows_.scale, rows_.origin, static_cast<int32_t>(h), rows_.extent);
  for (int64_t w = 0; w < shape_.width; ++w) {
    const Taps columns = tapsOf(columns_.scale, columns_.origin, static_cast<int32_t>(w), columns_.extent);
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
