// The sizes of a convolution, as oneDNN describes them.
#pragma once

#include <dnnl.hpp>

namespace saturnn::cpu {

struct ConvolutionShape {
  dnnl::memory::desc x, weights, y;  // in the layouts of the op's tensors
  dnnl::memory::dims strides, padding;
};

}  // namespace saturnn::cpu
