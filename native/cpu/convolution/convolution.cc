#include "cpu/convolution/convolution.h"

#include <algorithm>
#include <cstring>

#include "ops/convolution.h"

namespace saturnn::cpu {

using dnnl::algorithm;
using dnnl::memory;

namespace {

void requireOutput(const char* name, int64_t in, int64_t kernel, int64_t stride, int64_t pad, int64_t out) {
  require(stride >= 1 && pad >= 0, "Expected stride >= 1 and padding >= 0 but received stride " +
                                       std::to_string(stride) + " and padding " + std::to_string(pad));
  const int64_t padded = in + 2 * pad;
  require(kernel <= padded, "Expected a kernel of at most " + std::to_string(padded) +
                                " (height or width with padding) but received " + std::to_string(kernel));
  const int64_t expected = (padded - kernel) / stride + 1;
  if (out != expected) refuse(name, "height or width " + std::to_string(expected), std::to_string(out));
}

bool isBlocked(const memory::desc& desc) {
  return desc == memory::desc(desc.dims(), desc.data_type(), memory::format_tag::nChw16c);
}

// Whether Winograd F(4x4, 3x3) is faster. It needs 1/4 of the multiplications, but transforms weights and tiles, and
// computes whole tiles. Measured for all three passes with AVX-512: 1.2 to 2.2 times faster if at least 64 tiles share
// the transformed weights and both sides have at least 32 channels (16 channels: only with at least 512 tiles, none of
// them cut); otherwise up to 4 times slower.
bool prefersWinograd(const ConvolutionShape& shape) {
  const auto w = shape.weights.dims();  // O, I, KH, KW
  const auto y = shape.y.dims();        // N, O, OH, OW
  const memory::dims ones{1, 1};
  if (w[2] != 3 || w[3] != 3 || shape.strides != ones || shape.padding != ones) return false;
  if (!isBlocked(shape.x) || !isBlocked(shape.y)) return false;
  const int64_t tiles = y[0] * ((y[2] + 3) / 4) * ((y[3] + 3) / 4);
  const int64_t outputs = y[0] * y[2] * y[3];
  if (outputs < 8 * tiles) return false;  // more than half of every tile would be cut off: images smaller than 4x4
  const int64_t channels = std::min(w[0], w[1]);
  return (tiles >= 64 && channels >= 32) || (tiles >= 512 && outputs == 16 * tiles);
}

}  // namespace

ConvolutionShape convolutionShape(const ConvolutionAttributes& attributes, const char* xName, const SnTensor& x,
                                  const char* weightsName, const SnTensor& weights, const char* yName,
                                  const SnTensor& y) {
  ConvolutionShape shape{imageDesc(xName, x),
                         weightsDesc(weightsName, weights),
                         imageDesc(yName, y),
                         {attributes.strideH, attributes.strideW},
                         {attributes.padH, attributes.padW}};
  requireSameDType(y, yName, x);
  const auto xd = shape.x.dims(), wd = shape.weights.dims(), yd = shape.y.dims();
  const auto requireSize = [](int64_t size, int64_t expected, const char* what, const char* name) {
    if (size != expected) refuse(name, what + std::to_string(expected), std::to_string(size));
  };
  requireSize(yd[0], xd[0], "batch ", yName);
  requireSize(wd[1], xd[1], "input channels ", weightsName);
  requireSize(wd[0], yd[1], "output channels ", weightsName);
  for (int i = 0; i < 2; ++i) {
    requireOutput(yName, xd[2 + i], wd[2 + i], shape.strides[i], shape.padding[i], yd[2 + i]);
  }
  return shape;
}

std::vector<ConvolutionRequest> convolutionRequests(const ConvolutionShape& shape) {
  const auto& [x, weights, y, strides, padding] = shape;
  const memory::desc anyWeights = anyLayout(weights, x.data_type());
  std::vector<ConvolutionRequest> requests;
  const auto requestIn = [&](memory::format_tag layout) {
    const auto in = [&](const memory::desc& d) { return memory::desc(d.dims(), d.data_type(), layout); };
    requests.push_back({algorithm::convolution_direct, in(shape.x), anyWeights, in(shape.y)});
  };
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
                                             request.weights, bias, request.y, shape.strides, shape.padding,
                                             shape.padding);
  return {desc, attributes, engine, true};
}

}  // namespace saturnn::cpu
