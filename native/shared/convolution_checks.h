// The checks of a convolution's shapes and attributes, which both backends share.
#pragma once

#include <string>

#include "ops/attributes/convolution.h"
#include "shared/checks.h"

namespace saturnn {

// Returns the number of windows along one axis: floor((length + before + after - extent) / stride) + 1, where the extent
// of the kernel, with what it leaves out, is (kernel - 1) dilation + 1. Throws ERR_INVALID_ARGUMENT if it is larger than
// the padded image.
[[gnu::noinline]] inline int64_t windowCount(std::string_view weightsName, int64_t length, int64_t kernel,
                                             int64_t stride, int64_t before, int64_t after, int64_t dilation) {
  const int64_t padded = length + before + after, extent = (kernel - 1) * dilation + 1;
  if (extent > padded) {
    refuse(weightsName, "a kernel within " + std::to_string(padded) + " pixels (height or width with padding)",
           std::to_string(extent));
  }
  return (padded - extent) / stride + 1;
}

// Checks that x [n, h, w, c], weights [o, kh, kw, c / groups] and y [n, oh, ow, o], or their gradients, fit each other
// and the attributes.
[[gnu::noinline]] inline void requireConvolution(const ConvolutionAttributes& a, std::string_view xName,
                                                 const SnTensor& x, std::string_view weightsName,
                                                 const SnTensor& weights, std::string_view yName, const SnTensor& y) {
  requireImage(x, xName);
  requireRank(weights, weightsName, 4, "[out, height, width, in / groups]");
  const auto requireLeast = [](std::string_view name, std::initializer_list<int32_t> values, int32_t least) {
    for (const int32_t value : values) {
      if (value < least) refuse(name, "at least " + std::to_string(least), std::to_string(value));
    }
  };
  requireLeast("stride", {a.strideH, a.strideW}, 1);
  requireLeast("padding", {a.padTop, a.padLeft, a.padBottom, a.padRight}, 0);
  requireLeast("dilation", {a.dilationH, a.dilationW}, 1);
  requireLeast("groups", {a.groups}, 1);
  const int64_t channels = x.shape[3], outputs = weights.shape[0];
  if (channels % a.groups != 0 || outputs % a.groups != 0) {
    refuse("groups", "a divisor of " + std::to_string(channels) + " and " + std::to_string(outputs) + " channels",
           std::to_string(a.groups));
  }
  if (weights.shape[3] != channels / a.groups) {
    refuse(weightsName, "weights [out, height, width, " + std::to_string(channels / a.groups) + "]", describe(weights));
  }
  const int64_t height =
      windowCount(weightsName, x.shape[1], weights.shape[1], a.strideH, a.padTop, a.padBottom, a.dilationH);
  const int64_t width =
      windowCount(weightsName, x.shape[2], weights.shape[2], a.strideW, a.padLeft, a.padRight, a.dilationW);
  requireShape(y, yName, {x.shape[0], height, width, outputs});
}

}  // namespace saturnn
