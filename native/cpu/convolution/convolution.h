// The common part of the three passes of a convolution: the checked shapes, and the choice of algorithm and layouts.
#pragma once

#include <vector>

#include "cpu/convolution/convolution_shape.h"
#include "cpu/convolution/onednn_faults.h"
#include "cpu/onednn/onednn.h"
#include "ops/attributes/convolution.h"

namespace saturnn::cpu {

// Checks that the three tensors fit each other and the attributes. The images must both be f32 or both be bf16, and the
// weights f32.
ConvolutionShape convolutionShape(const ConvolutionAttributes& attributes, const char* xName, const SnTensor& x,
                                  const char* weightsName, const SnTensor& weights, const char* yName,
                                  const SnTensor& y);

// A request to oneDNN for a convolution. The weights may always have any layout, in the dtype of the requested images.
struct ConvolutionRequest {
  dnnl::algorithm algorithm;
  dnnl::memory::desc x, weights, y;
};

// Returns the requests, best first. The order depends only on the shape, so two runs compute the same bits.
std::vector<ConvolutionRequest> convolutionRequests(const ConvolutionShape& shape);

// Whether the implementation is what was requested: where oneDNN has no Winograd, it answers with another algorithm.
bool isAnswered(const ConvolutionRequest& request, const char* implementation);

// Returns the first implementation that is right (onednn_faults.h) and not a reference one, else the first that is
// right; throws ERR_UNSUPPORTED if there is none. `make` must return an empty primitive descriptor if oneDNN has no
// implementation.
template <typename Make>
auto chooseConvolution(const ConvolutionShape& shape, const Make& make) {
  decltype(make(std::declval<ConvolutionRequest>())) fallback;
  for (const ConvolutionRequest& request : convolutionRequests(shape)) {
    auto desc = make(request);
    if (!desc || !isAnswered(request, desc.impl_info_str()) || !isRight(desc, shape)) continue;
    if (!isReference(desc.impl_info_str())) return desc;
    if (!fallback) fallback = desc;
  }
  if (!fallback) {
    throw Error("ERR_UNSUPPORTED", "oneDNN has no implementation for input " + dimsText(shape.x.dims()) + ", weights " +
                                       dimsText(shape.weights.dims()) + ", output " + dimsText(shape.y.dims()));
  }
  return fallback;
}

// Describes the forward pass, which the other two passes need as a hint. `bias` may be a zero descriptor.
dnnl::convolution_forward::primitive_desc forwardDesc(const ConvolutionShape& shape, const ConvolutionRequest& request,
                                                      const dnnl::memory::desc& bias,
                                                      const dnnl::primitive_attr& attributes,
                                                      const dnnl::engine& engine);

}  // namespace saturnn::cpu
