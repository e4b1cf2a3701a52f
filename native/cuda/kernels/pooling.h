// Launchers of kernels/pooling/, for pooling.cc.
#pragma once

#include "cuda/kernels/common/rows.h"

namespace saturnn::cuda {

struct PoolWindows {
  int32_t kernelH, kernelW, strideH, strideW, padTop, padLeft;
  int32_t sum;  // 1: an average is not divided by the number of pixels
};

// Images [batch, height, width, channels] before and [batch, outputHeight, outputWidth, channels] after pooling; every
// window holds a pixel of the image.
struct PoolShape {
  int64_t batch, channels;
  int32_t height, width, outputHeight, outputWidth;
  PoolWindows windows;
};
constexpr int kLongestPoolHeight = 65535;
// indices: dense, with the shape of y; the position of each maximum in its unclipped window, row by row. May be null.
void launchMaxPool(const PoolShape& shape, ConstRows x, Rows y, uint8_t* indices, cudaStream_t stream);
void launchMaxPoolGradient(const PoolShape& shape, ConstRows dy, const uint8_t* indices, Rows dx, cudaStream_t stream);
void launchAveragePool(const PoolShape& shape, ConstRows x, Rows y, cudaStream_t stream);
void launchAveragePoolGradient(const PoolShape& shape, ConstRows dy, Rows dx, cudaStream_t stream);

// y[n, c] = the mean of x over the `pixels` of image n; dx = dy / pixels in every pixel.
void launchGlobalAveragePool(ConstRows x, float* y, int64_t batch, int64_t pixels, int64_t channels,
                             cudaStream_t stream);
void launchGlobalAveragePoolGradient(const float* dy, Rows dx, int64_t batch, int64_t pixels, int64_t channels,
                                     cudaStream_t stream);

// y[n, c] = the largest x of the pixels of image n, and the number of its pixel; `indices` may be null. dx = dy in this
// pixel, and 0 in the others.
void launchGlobalMaxPool(ConstRows x, float* y, int32_t* indices, int64_t batch, int64_t pixels, int64_t channels,
                         cudaStream_t stream);
void launchGlobalMaxPoolGradient(const float* dy, const int32_t* indices, Rows dx, int64_t batch, int64_t pixels,
                                 int64_t channels, cudaStream_t stream);

}  // namespace saturnn::cuda
