// The convolutions that oneDNN 2.6 computes wrongly: which they are, why, and what is asked for in their place. Each was
// found, and is watched for, by `npm run scan:convolutions`.
#pragma once

#include "cpu/convolution/convolution_shape.h"

namespace saturnn::cpu {

// Whether oneDNN's bf16 kernels of 1x1 convolutions cannot be given plain images: they multiply in pairs, and compute
// wrong gradients for odd output channels and some sizes (1 -> 33 channels, 5x6 pixels). Blocked images, padded with
// zeros, are computed correctly.
bool needsPairs(const ConvolutionShape& shape);

// The shape that the weight gradient is computed for: that of `shape`, with f32 images where oneDNN's bf16 kernels are
// wrong. They sort the columns of x by their position modulo the stride. In images narrower than the stride, a sort
// without a column is left as it was, padding included, although taps of the kernel read it: results depend on what was
// in the scratch before. (jit_trans_iw_ic_int16_t, which jit_bf16 and the AMX kernels use, returns early.)
ConvolutionShape shapeOfWgrad(const ConvolutionShape& shape);

// Whether the results of this implementation are right, and whether it stays within its scratchpad. False for weight
// gradients of 1x1 convolutions with a stride in plain images of fewer channels than a vector has lanes. "jit_1x1"
// copies the pixels that the stride selects, pixel p to p * C in the scratchpad, which has room for that. But where a
// thread begins in the middle of an image, it writes from p * 8 (AVX2) or p * 16 (AVX-512) on: over the next thread's
// copy, and beyond the end. The other two passes, and blocked images, have their own formulas, which are right.
bool isRight(const dnnl::convolution_backward_weights::primitive_desc& desc, const ConvolutionShape& shape);
template <typename OtherPass>
bool isRight(const OtherPass&, const ConvolutionShape&) {
  return true;
}

}  // namespace saturnn::cpu
