#include "cpu/convolution/onednn_faults.h"

#include <cstring>

namespace saturnn::cpu {

using dnnl::memory;

namespace {

// Channels per block of an implementation: lanes of f32 in a vector.
int64_t lanesOf(const char* implementation) { return std::strstr(implementation, "avx2") != nullptr ? 8 : 16; }

bool isBf16(const ConvolutionShape& shape) { return shape.x.data_type() == memory::data_type::bf16; }

bool isPoint(const ConvolutionShape& shape) { return shape.kernelHeight() == 1 && shape.kernelWidth() == 1; }

bool isPlain(const memory::desc& image) {
  return image == memory::desc(image.dims(), image.data_type(), memory::format_tag::nhwc);
}

memory::desc floats(const memory::desc& image) {
  return memory::desc(image.dims(), memory::data_type::f32, memory::format_tag::nhwc);
}

}  // namespace

bool needsPairs(const ConvolutionShape& shape) { return isBf16(shape) && isPoint(shape) && shape.outputs() % 2 != 0; }

ConvolutionShape shapeOfWgrad(const ConvolutionShape& shape) {
  const int64_t width = shape.x.dims()[3];
  if (!isBf16(shape) || width >= shape.strides[1]) return shape;
  ConvolutionShape wide = shape;
  wide.x = floats(shape.x);
  wide.y = floats(shape.y);
  return wide;
}

bool isRight(const dnnl::convolution_backward_weights::primitive_desc& desc, const ConvolutionShape& shape) {
  const char* implementation = desc.impl_info_str();
  const bool strides = shape.strides[0] > 1 || shape.strides[1] > 1;
  const bool copiesPixels = std::strstr(implementation, "_1x1") != nullptr && strides && isPoint(shape);
  return !(copiesPixels && isPlain(desc.src_desc()) && shape.inputs() < lanesOf(implementation));
}

}  // namespace saturnn::cpu
