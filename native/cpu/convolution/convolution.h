// What the three passes of a convolution share: the checked shapes, and the choice of algorithm and layouts.
#pragma once

#include <vector>

#include "cpu/onednn/onednn.h"
#include "ops/convolution.h"

namespace saturnn::cpu {

struct ConvolutionShape {
  dnnl::memory::desc x, weights, y;  // as the tensors lie
  dnnl::memory::dims strides, padding;
};

// Checks that the three tensors fit each other: out = floor((in + 2 pad - kernel) / stride) + 1. The images are both
// f32 or both bf16, the weights always f32.
ConvolutionShape convolutionShape(const ConvolutionAttributes& attributes, const char* xName, const SnTensor& x,
                                  const char* weightsName, const SnTensor& weights, const char* yName,
                                  const SnTensor& y);

// A way to ask oneDNN for a convolution; the weights are always asked for in any layout, in the images' dtype.
struct ConvolutionRequest {
  dnnl::algorithm algorithm;
  dnnl::memory::desc x, weights, y;
};

// Best first. The order depends on the shape alone, so that two runs compute the same bits.
std::vector<ConvolutionRequest> convolutionRequests(const ConvolutionShape& shape);

// Winograd is asked for by name: oneDNN answers with another algorithm where it has none.
bool isAnswered(const ConvolutionRequest& request, const char* implementation);

// The first request that gets an implementation that is not a reference one, else the first that gets any.
// `make` returns an empty primitive descriptor where oneDNN has no implementation.
template <typename Make>
auto chooseConvolution(const ConvolutionShape& shape, const Make& make) {
  decltype(make(std::declval<ConvolutionRequest>())) fallback;
  for (const ConvolutionRequest& request : convolutionRequests(shape)) {
    auto desc = make(request);
    if (!desc || !isAnswered(request, desc.impl_info_str())) continue;
    if (!isReference(desc.impl_info_str())) return desc;
    if (!fallback) fallback = desc;
  }
  if (!fallback) {
    throw Error("ERR_BACKEND", "oneDNN has no implementation for input " + dimsText(shape.x.dims()) + ", weights " +
                                   dimsText(shape.weights.dims()) + ", output " + dimsText(shape.y.dims()));
  }
  return fallback;
}

// The forward pass, which the descriptors of the two others need as a hint. `bias` may be a zero descriptor.
dnnl::convolution_forward::primitive_desc forwardDesc(const ConvolutionShape& shape, const ConvolutionRequest& request,
                                                      const dnnl::memory::desc& bias,
                                                      const dnnl::primitive_attr& attributes,
                                                      const dnnl::engine& engine);

}  // namespace saturnn::cpu
