// The three passes of a convolution over images [n, h, w, c] and weights [o, kh, kw, inputs], with c / inputs groups.
#pragma once

#include "values.h"

namespace emulated_cudnn {

struct ConvolutionShape {
  int64_t n, h, w, c, o, kh, kw, oh, ow;
  int64_t strideH, strideW, padH, padW, dilationH, dilationW;
  int64_t inputs;  // channels of x in a group

  int64_t groups() const { return c / inputs; }
};

Values convolve(const ConvolutionShape& shape, const Values& x, const Values& weights);
Values dataGradient(const ConvolutionShape& shape, const Values& dy, const Values& weights);
Values filterGradient(const ConvolutionShape& shape, const Values& x, const Values& dy);

}  // namespace emulated_cudnn
