// The launchers of kernels/channels.cu, for channels.cc.
#pragma once

#include "cuda/kernels/common/rows.h"

namespace saturnn::cuda {

// y = the sum of `count` inputs, in their order. y may be the first input.
constexpr int kMostAddends = 8;
struct Addends {
  ConstRows inputs[kMostAddends];
};
void launchAdd(const Addends& addends, int count, Rows y, int64_t rows, int64_t channels, cudaStream_t stream);

// y = a b factor, of `count` elements; without b if it is null. y may be a or b.
void launchMultiply(const float* a, const float* b, float factor, float* y, int64_t count, cudaStream_t stream);

struct ImageSize {
  int64_t batch, pixels, channels;
};

// Numbers per channel: `stride` floats from image to image, or 0 if they are the same for all. `data` may be null.
struct ChannelVector {
  const float* data;
  int64_t stride;
};

// y = x scale + bias, without those that are null. y may be x.
void launchAffine(ConstRows x, ChannelVector scale, ChannelVector bias, Rows y, const ImageSize& size,
                  cudaStream_t stream);

// sums [batch, channels] = the sums of dy x over the pixels, or of dy if x has no data.
void launchProductSums(ConstRows dy, ConstRows x, float* sums, const ImageSize& size, cudaStream_t stream);

}  // namespace saturnn::cuda
