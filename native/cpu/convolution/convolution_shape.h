// The sizes of a convolution, as oneDNN describes them.
#pragma once

#include <dnnl.hpp>

namespace saturnn::cpu {

struct ConvolutionShape {
  // In the layouts of the op's tensors. Weights are O, I, KH, KW; with groups G, O / G, I / G, KH, KW.
  dnnl::memory::desc x, weights, y;
  dnnl::memory::dims strides;
  dnnl::memory::dims dilations;   // pixels left out between two taps: one less than the op's attribute
  dnnl::memory::dims padding;     // above and on the left
  dnnl::memory::dims paddingEnd;  // below and on the right
  int64_t groups;

  int64_t inputs() const { return x.dims()[1] / groups; }   // channels of x in a group
  int64_t outputs() const { return y.dims()[1] / groups; }  // channels of y in a group
  int64_t kernelHeight() const { return weights.dims()[groups > 1 ? 3 : 2]; }
  int64_t kernelWidth() const { return weights.dims()[groups > 1 ? 4 : 3]; }
};

}  // namespace saturnn::cpu
