#include "cpu/convolution/convolution.h"

#include <algorithm>
#include <cstring>

#include "ops/attributes/convolution.h"
#include "shared/convolution_checks.h"

namespace saturnn::cpu {

using dnnl::algorithm;
using dnnl::memory;

namespace {

bool isBlocked(const memory::desc& desc) {
  return desc == memory::desc(desc.dims(), desc.data_type(), memory::format_tag::nChw16c);
}

// Whether Winograd F(4x4, 3x3) is faster. It needs 1/4 of the multiplications, but transforms weights and tiles, and
// computes whole tiles. Measured for all three passes with AVX-512: 1.2 to 2.2 times faster if at least 64 tiles share
// the transformed weights and both sides have at least 32 channels (16 channels: only with at least 512 tiles, none of
// them cut); otherwise up to 4 times slower.
bool prefersWinograd(const ConvolutionShape& shape) {
  const auto y = shape.y.dims();  // N, O, OH, OW
  const memory::dims zeros{0, 0}, ones{1, 1};
  if (shape.groups > 1 || shape.dilations != zeros || shape.strides != ones) return false;
  if (shape.kernelHeight() != 3 || shape.kernelWidth() != 3) return false;
  if (shape.padding != ones || shape.paddingEnd != ones) return false;
  if (!isBlocked(shape.x) || !isBlocked(shape.y)) return false;
  const int64_t tiles = y[0] * ((y[2] + 3) / 4) * ((y[3] + 3) / 4);
  const int64_t outputs = y[0] * y[2] * y[3];
  if (outputs < 8 * tiles) return false;  // more than half of every tile would be cut off: images smaller than 4x4
  const int64_t channels = std::min(shape.inputs(), shape.outputs());
  return (tiles >= 64 && channels >= 32) || (tiles >= 512 && outputs == 16 * tiles);
}

}  // namespace

ConvolutionShape convolutionShape(const ConvolutionAttributes& attributes, const char* xName, const SnTensor& x,
                                  const char* weightsName, const SnTensor& weights, const char* yName,
                                  const SnTensor& y) {
  const memory::desc xDesc = imageDesc(xName, x), yDesc = imageDesc(yName, y);
  requireSameDType(y, yName, x);
  requirePlain(weights, weightsName);
  requireConvolution(attributes, xName, x, weightsName, weights, yName, y);
  return {xDesc,
          weightsDesc(weightsName, weights, attributes.groups),
          yDesc,
          {attributes.strideH, attributes.strideW},
          {attributes.dilationH - 1, attributes.dilationW - 1},
          {attributes.padTop, attributes.padLeft},
          {attributes.padBottom, attributes.padRight},
          attributes.groups};
}

std::vector<ConvolutionRequest> convolutionRequests(const ConvolutionShape& shape) {
  const memory::desc &x = shape.x, &y = shape.y;
  const memory::desc anyWeights = anyLayout(shape.weights, x.data_type());
  std::vector<ConvolutionRequest> requests;
  const auto requestAs = [&](memory::data_type type, memory::format_tag layout) {
    const auto as = [&](const memory::desc& d) { return memory::desc(d.dims(), type, layout); };
    requests.push_back({algorithm::convolution_direct, as(shape.x), anyLayout(shape.weights, type), as(shape.y)});
  };
  const auto requestIn = [&](memory::format_tag layout) { requestAs(x.data_type(), layout); };
  if (needsPairs(shape)) requestIn(memory::format_tag::nChw16c);
  if (prefersWinograd(shape)) requests.push_back({algorithm::convolution_winograd, x, anyWeights, y});
  const bool mixed = isBlocked(x) != isBlocked(y);
  // If the layouts differ (an image of three channels at the network's input), the smaller tensor is reordered.
  const bool xIsSmaller = x.get_size() <= y.get_size();
  requests.push_back({algorithm::convolution_direct, mixed && xIsSmaller ? anyLayout(x) : x, anyWeights,
                      mixed && !xIsSmaller ? anyLayout(y) : y});
  requests.push_back({algorithm::convolution_direct, anyLayout(x), anyWeights, anyLayout(y)});
  requestIn(memory::format_tag::nhwc);
  // For what is wrong in plain images. oneDNN 2.6 chooses blocks of its own accord, 2.7 may choose plain images.
  requestIn(memory::format_tag::nChw16c);
  requestIn(memory::format_tag::nChw8c);
  // For groups and dilations that no kernel of blocked or plain images has: a matrix product of their windows.
  requestIn(memory::format_tag::nchw);
  if (x.data_type() == memory::data_type::bf16) {
    requestAs(memory::data_type::f32, memory::format_tag::nhwc);
    requestAs(memory::data_type::f32, memory::format_tag::nchw);
  }
  return requests;
}

bool isAnswered(const ConvolutionRequest& request, const char* implementation) {
  return request.algorithm != algorithm::convolution_winograd || std::strstr(implementation, "wino") != nullptr;
}

dnnl::convolution_forward::primitive_desc forwardDesc(const ConvolutionShape& shape, const ConvolutionRequest& request,
                                                      const memory::desc& bias, const dnnl::primitive_attr& attributes,
                                                      const dnnl::engine& engine) {
  // forward_training also for evaluation: forward_inference would expect Winograd's weights already transformed.
  const dnnl::convolution_forward::desc desc(dnnl::prop_kind::forward_training, request.algorithm, request.x,
                                             request.weights, bias, request.y, shape.strides, shape.dilations,
                                             shape.padding, shape.paddingEnd);
  return {desc, attributes, engine, true};
}

}  // namespace saturnn::cpu
