// Loops whose numbers are the same for all pixels of an image: x scale + bias, and the sums that are their gradients.
#pragma once

#include "cpu/simd/table.h"
#include "cpu/simd/vector.h"

namespace saturnn::cpu {
namespace {

template <typename T>
struct AffineBody {
  const T* x;
  const float *scale, *bias;
  T* y;

  template <typename V>
  inline __attribute__((always_inline)) void run(int64_t c) const {
    const V factor = scale ? load<V>(scale + c) : V{} + 1.0f;
    const V shift = bias ? load<V>(bias + c) : -V{};
    store(y + c, load<V>(x + c) * factor + shift);
  }
};

template <typename T>
void affine(const AffineRows<T>& rows) {
  for (int64_t row = 0; row < rows.rows; ++row) {
    forChannels(rows.channels,
                AffineBody<T>{rows.x + row * rows.xPitch, rows.scale, rows.bias, rows.y + row * rows.yPitch});
  }
}

// The sum is of parts of `rowsPerPart` rows, so that its error does not grow with the number of pixels.
template <typename T>
struct ProductSumsBody {
  static constexpr int64_t rowsPerPart = 64;
  ProductRows<T> all;

  template <typename V>
  inline __attribute__((always_inline)) void run(int64_t c) const {
    V sum = all.adds ? load<V>(all.sums + c) : V{};
    for (int64_t first = 0; first < all.rows; first += rowsPerPart) {
      const int64_t end = all.rows - first < rowsPerPart ? all.rows : first + rowsPerPart;
      V part = V{};
      for (int64_t row = first; row < end; ++row) {
        const V dy = load<V>(all.dy + row * all.dyPitch + c);
        part += all.x ? dy * load<V>(all.x + row * all.xPitch + c) : dy;
      }
      sum += part;
    }
    store(all.sums + c, sum);
  }
};

template <typename T>
void productSums(const ProductRows<T>& rows) {
  forChannels(rows.channels, ProductSumsBody<T>{rows});
}

}  // namespace
}  // namespace saturnn::cpu
