// The three passes of a convolution over images [n, h, w, c] and weights [o, kh, kw, c].
#pragma once

#include "values.h"

namespace emulated_cudnn {

struct ConvolutionShape {
  int64_t n, h, w, c, o, kh, kw, oh, ow;
  int64_t strideH, strideW, padH, padW, dilationH, dilationW;
};

Values convolve(const ConvolutionShape& shape, const Values& x, const Values& weights);
Values dataGradient(const ConvolutionShape& shape, const Values& dy, const Values& weights);
Values filterGradient(const ConvolutionShape& shape, const Values& x, const Values& dy);

}  // namespace emulated_cudnn
