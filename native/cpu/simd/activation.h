// Bias and activation over a whole tensor, with all threads. The activation op is this; convolution and linear call it
// where their engine cannot fuse the activation (Winograd falls back to a direct convolution when given one).
#pragma once

#include "../../backend.h"
#include "table.h"

namespace saturnn {

// y = f(x + bias) for f32 tensors of one shape and layout, each perhaps a channel slice; `x == y` is allowed where both
// tensors are placed alike. `bias` (shape[rank - 1] elements) may be null. `kind` is SN_SIGMOID ... SN_ELU, or
// SN_NO_ACTIVATION: then only the bias is added.
void activateTensor(const SimdTable& simd, const SnActivationAttributes& attributes, const SnTensor& xTensor,
                    const float* x, const float* bias, const SnTensor& yTensor, float* y);

// The same on one dense tensor in place.
inline void activateInPlace(const SimdTable& simd, const SnActivationAttributes& attributes, const SnTensor& tensor,
                            const float* bias, float* data) {
  activateTensor(simd, attributes, tensor, data, bias, tensor, data);
}

}  // namespace saturnn
