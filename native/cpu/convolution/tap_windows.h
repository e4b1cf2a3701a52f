// Which windows of a convolution see a pixel of the image at a tap of the kernel; at the others the tap lies in the padding.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cpu/simd/table.h"
#include "ops/attributes/convolution.h"
#include "shared/backend.h"

namespace saturnn::cpu {

// Returns the windows [begin, end) of `count` along an axis in which tap `tap` of the kernel lies within the image.
inline Span windowsWithin(int64_t length, int64_t count, int32_t tap, int32_t stride, int32_t before,
                          int32_t dilation) {
  const int64_t offset = int64_t{tap} * dilation - before;  // of the tap from the first pixel, in the first window
  const auto firstFrom = [&](int64_t pixel) { return pixel <= offset ? 0 : (pixel - offset + stride - 1) / stride; };
  const int64_t begin = std::min(firstFrom(0), count), end = std::min(firstFrom(length), count);
  return {static_cast<int32_t>(begin), static_cast<int32_t>(end)};
}

// The windows of every row and every column of the kernel.
struct TapWindows {
  TapWindows(const ConvolutionAttributes& a, const SnTensor& x, const SnTensor& weights, const SnTensor& y) {
    for (int32_t tap = 0; tap < weights.shape[1]; ++tap) {
      rows.push_back(windowsWithin(x.shape[1], y.shape[1], tap, a.strideH, a.padTop, a.dilationH));
    }
    for (int32_t tap = 0; tap < weights.shape[2]; ++tap) {
      columns.push_back(windowsWithin(x.shape[2], y.shape[2], tap, a.strideW, a.padLeft, a.dilationW));
    }
  }

  int64_t taps() const { return static_cast<int64_t>(rows.size() * columns.size()); }

  std::vector<Span> rows, columns;
};

}  // namespace saturnn::cpu
