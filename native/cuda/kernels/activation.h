// Launchers of kernels/activation.cu, which convolutions and copies call as well.
#pragma once

#include "cuda/kernels/common/rows.h"

namespace saturnn::cuda {

// Whether `kind` is the id of an activation of native/activations.def.
bool isActivation(int kind);

// y = f(x + bias). SN_NO_ACTIVATION is the identity; a null bias is 0. y may be x.
void launchChannelMap(int kind, float slope, ConstRows x, const float* bias, Rows y, int64_t rows, int64_t channels,
                      cudaStream_t stream);

// y = x, one of them f32 and the other bf16 or f16.
void launchConvertRows(ConstRows x, Rows y, int64_t rows, int64_t channels, cudaStream_t stream);

// dx = dy f'(y), and dbias[c] = the sum of dx over the rows, each unless its pointer is null. dx may be dy. For
// SN_NO_ACTIVATION y is not read and f' is 1. `partials` holds kSumBlocks * channels floats.
void launchChannelGradient(int kind, float slope, ConstRows dy, ConstRows y, Rows dx, float* dbias, float* partials,
                           int64_t rows, int64_t channels, cudaStream_t stream);

// result = x between the bounds if y has no data, else the gradient of that: x is dy, y is the result, and the result is dx.
// The result may be x.
void launchClamp(ConstRows x, ConstRows y, Rows result, float low, float high, int64_t rows, int64_t channels,
                 cudaStream_t stream);

}  // namespace saturnn::cuda
