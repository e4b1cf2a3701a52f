// Pooling, one row of the written image at a time, with a vector of channels in registers for each window. All
// gradients are in gather form: every dx element sums the windows that cover it. So nothing is zeroed first, threads
// never write the same element, and the order of the sums is fixed.
#pragma once

#include "cpu/simd/table.h"
#include "cpu/simd/vector.h"

namespace saturnn::cpu {
namespace {

// The maximum of a window so far, and its position. The first of equal values is kept; the first NaN is the maximum.
template <typename V>
struct Maximum {
  typedef Integers<V> I;
  V value;
  I position;
  I isNumber;  // all bits set, or none: kept apart from `value` to shorten the chain from one comparison to the next

  inline __attribute__((always_inline)) void take(V other, I otherPosition) {
    const I otherIsNumber = maskOf<V>(other == other);
    const I better = maskOf<V>(other > value) | (isNumber & ~otherIsNumber);
    value = better ? other : value;
    position = better ? otherPosition : position;
    isNumber &= otherIsNumber;
  }
};

template <typename T>
struct MaxPoolBody {
  const MaxPoolRow<T> row;  // a copy, which no store can alias: its members stay in registers
  int32_t w;

  template <typename V>
  inline __attribute__((always_inline)) void run(int64_t c) const {
    const PoolRow<T>& pool = row.pool;
    const Span columns = pool.columns[w];
    const T* pixels = pool.input + pool.rows.begin * pool.rowPitch + columns.begin * pool.pixelPitch + c;
    const int32_t position = (pool.rows.begin - row.rowOrigin) * row.kernelWidth + columns.begin - row.columnOrigins[w];
    const int32_t width = columns.end - columns.begin;
    Maximum<V> best = rowMaximum<V>(pixels, position, width);
    for (int32_t i = 1; i < pool.rows.end - pool.rows.begin; ++i) {
      // The rows of a window are independent up to here, so the processor works on several at a time.
      const Maximum<V> next = rowMaximum<V>(pixels + i * pool.rowPitch, position + i * row.kernelWidth, width);
      best.take(next.value, next.position);
    }
    store(pool.output + w * pool.outputPitch + c, best.value);
    if (row.indices) storeBytes(row.indices + w * row.indexPixelPitch + c, best.position);
  }

  template <typename V>
  inline __attribute__((always_inline)) Maximum<V> rowMaximum(const T* pixels, int32_t position, int32_t width) const {
    typedef Integers<V> I;
    const V first = load<V>(pixels);
    Maximum<V> best = {first, I{} + position, maskOf<V>(first == first)};
    for (int32_t j = 1; j < width; ++j) best.take(load<V>(pixels + j * row.pool.pixelPitch), I{} + (position + j));
    return best;
  }
};

template <typename T>
void maxPoolRow(const MaxPoolRow<T>& row) {
  for (int32_t w = 0; w < row.pool.outputWidth; ++w) forChannels(row.pool.channels, MaxPoolBody<T>{row, w});
}

// The other three loops add one row of the read image after the other to the written row, which stays in the cache, so
// that the weights and spans of a row are computed once per row, not per pixel. `isFirst`: the written row has no
// values yet. If the written image is not f32, the sums have their own row, which is rounded at the end.
template <typename T>
float* sumsOfPixel(const PoolRow<T>& pool, int32_t w) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return pool.output + w * pool.outputPitch;
  } else {
    return pool.sums + w * pool.channels;
  }
}

template <typename T>
struct StoreSumsBody {
  const float* sums;
  T* y;

  template <typename V>
  inline __attribute__((always_inline)) void run(int64_t c) const {
    store(y + c, load<V>(sums + c));
  }
};

template <typename T>
void storeSums(const PoolRow<T>& pool) {
  if constexpr (sizeof(T) != sizeof(float)) {
    for (int32_t w = 0; w < pool.outputWidth; ++w) {
      forChannels(pool.channels, StoreSumsBody<T>{sumsOfPixel(pool, w), pool.output + w * pool.outputPitch});
    }
  }
}

template <typename T>
struct MaxPoolGradientBody {
  const T* dy;
  const uint8_t* indices;
  const int32_t* columnOrigins;
  Span columns;
  int64_t pixelPitch, indexPixelPitch;
  int32_t position;  // of the written pixel in a window of this row that begins at column 0
  float* dx;
  bool isFirst;

  template <typename V>
  inline __attribute__((always_inline)) void run(int64_t c) const {
    typedef Integers<V> I;
    V sum = isFirst ? V{} : load<V>(dx + c);
    for (int32_t ow = columns.begin; ow < columns.end; ++ow) {
      const I chosen = loadBytes<I>(indices + ow * indexPixelPitch + c);
      const V value = load<V>(dy + ow * pixelPitch + c);
      // A selection, not a product: a NaN of a window whose maximum is another pixel must not be added.
      sum += chosen == I{} + (position - columnOrigins[ow]) ? value : V{};
    }
    store(dx + c, sum);
  }
};

template <typename T>
struct AveragePoolBody {
  const T* x;
  Span columns;
  int64_t pixelPitch;
  float weight;
  float* y;
  bool isFirst;

  template <typename V>
  inline __attribute__((always_inline)) void run(int64_t c) const {
    V sum = V{};
    for (int32_t iw = columns.begin; iw < columns.end; ++iw) sum += load<V>(x + iw * pixelPitch + c);
    store(y + c, sum * weight + (isFirst ? V{} : load<V>(y + c)));
  }
};

template <typename T>
struct AveragePoolGradientBody {
  const T* dy;
  Span columns;
  int64_t pixelPitch;
  float rowWeight;
  const float* columnWeights;
  float* dx;
  bool isFirst;

  template <typename V>
  inline __attribute__((always_inline)) void run(int64_t c) const {
    V sum = V{};
    for (int32_t ow = columns.begin; ow < columns.end; ++ow) {
      sum += load<V>(dy + ow * pixelPitch + c) * columnWeights[ow];
    }
    store(dx + c, sum * rowWeight + (isFirst ? V{} : load<V>(dx + c)));
  }
};

// A row that no window covers (if the stride is larger than the kernel) gets a gradient of 0.
template <typename T>
void clearRow(const PoolRow<T>& pool) {
  for (int32_t w = 0; w < pool.outputWidth; ++w) {
    for (int64_t c = 0; c < pool.channels; ++c) sumsOfPixel(pool, w)[c] = 0.0f;
  }
}

template <typename T>
void maxPoolGradientRow(const MaxPoolRow<T>& row) {
  const PoolRow<T> pool = row.pool;
  if (pool.rows.begin == pool.rows.end) clearRow(pool);
  for (int32_t oh = pool.rows.begin; oh < pool.rows.end; ++oh) {
    const T* dy = pool.input + oh * pool.rowPitch;
    const uint8_t* indices = row.indices + oh * row.indexRowPitch;
    const int32_t rowPosition = (row.rowOrigin - row.rowOrigins[oh]) * row.kernelWidth;
    for (int32_t w = 0; w < pool.outputWidth; ++w) {
      forChannels(pool.channels, MaxPoolGradientBody<T>{dy, indices, row.columnOrigins, pool.columns[w],
                                                        pool.pixelPitch, row.indexPixelPitch, rowPosition + w,
                                                        sumsOfPixel(pool, w), oh == pool.rows.begin});
    }
  }
  storeSums(pool);
}

template <typename T>
void averagePoolRow(const AveragePoolRow<T>& row) {
  const PoolRow<T> pool = row.pool;
  for (int32_t ih = pool.rows.begin; ih < pool.rows.end; ++ih) {
    const T* x = pool.input + ih * pool.rowPitch;
    for (int32_t w = 0; w < pool.outputWidth; ++w) {
      forChannels(pool.channels,
                  AveragePoolBody<T>{x, pool.columns[w], pool.pixelPitch, row.rowWeights[0] * row.columnWeights[w],
                                     sumsOfPixel(pool, w), ih == pool.rows.begin});
    }
  }
  storeSums(pool);
}

template <typename T>
void averagePoolGradientRow(const AveragePoolRow<T>& row) {
  const PoolRow<T> pool = row.pool;
  if (pool.rows.begin == pool.rows.end) clearRow(pool);
  for (int32_t oh = pool.rows.begin; oh < pool.rows.end; ++oh) {
    const T* dy = pool.input + oh * pool.rowPitch;
    for (int32_t w = 0; w < pool.outputWidth; ++w) {
      forChannels(pool.channels,
                  AveragePoolGradientBody<T>{dy, pool.columns[w], pool.pixelPitch, row.rowWeights[oh],
                                             row.columnWeights, sumsOfPixel(pool, w), oh == pool.rows.begin});
    }
  }
  storeSums(pool);
}

template <typename T>
struct SumRowsBody {
  const T* x;
  int64_t pitch, rows;
  float scale;
  float* y;

  template <typename V>
  inline __attribute__((always_inline)) void run(int64_t c) const {
    V sum = V{};
    for (int64_t row = 0; row < rows; ++row) sum += load<V>(x + row * pitch + c);
    store(y + c, sum * scale);
  }
};

template <typename T>
void sumRows(const T* x, int64_t pitch, int64_t rows, int64_t channels, float scale, float* y) {
  forChannels(channels, SumRowsBody<T>{x, pitch, rows, scale, y});
}

template <typename T>
struct FillRowsBody {
  const float* x;
  float scale;
  T* y;
  int64_t pitch, rows;

  template <typename V>
  inline __attribute__((always_inline)) void run(int64_t c) const {
    const V value = load<V>(x + c) * scale;
    for (int64_t row = 0; row < rows; ++row) store(y + row * pitch + c, value);
  }
};

template <typename T>
void fillRows(const float* x, float scale, T* y, int64_t pitch, int64_t rows, int64_t channels) {
  forChannels(channels, FillRowsBody<T>{x, scale, y, pitch, rows});
}

template <typename T>
struct LargestRowBody {
  const T* x;
  int64_t pitch, rows;
  float* y;
  int32_t* positions;

  template <typename V>
  inline __attribute__((always_inline)) void run(int64_t c) const {
    typedef Integers<V> I;
    const V first = load<V>(x + c);
    Maximum<V> best = {first, I{}, maskOf<V>(first == first)};
    for (int64_t row = 1; row < rows; ++row) best.take(load<V>(x + row * pitch + c), I{} + static_cast<int32_t>(row));
    store(y + c, best.value);
    if (positions) memcpy(positions + c, &best.position, sizeof best.position);
  }
};

template <typename T>
void largestRow(const T* x, int64_t pitch, int64_t rows, int64_t channels, float* y, int32_t* positions) {
  forChannels(channels, LargestRowBody<T>{x, pitch, rows, y, positions});
}

template <typename T>
void placeRow(const float* x, const int32_t* positions, T* y, int64_t pitch, int64_t rows, int64_t channels) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c) y[row * pitch + c] = narrow<T>(positions[c] == row ? x[c] : 0.0f);
  }
}

}  // namespace
}  // namespace saturnn::cpu
