// Bias and activation over a whole tensor, with all threads. The activation op is this; convolution and linear call it
// where their engine cannot fuse the activation (Winograd falls back to a direct convolution when given one).
#pragma once

#include "cpu/simd/table.h"
#include "shared/backend.h"

namespace saturnn::cpu {

// y = f(x + bias) for tensors of one shape and layout, f32 or bf16, each perhaps a channel slice; `x == y` is allowed
// where both tensors are placed alike. `bias` (shape[rank - 1] elements) may be null. `kind` is an id of
// native/activations.def, or SN_NO_ACTIVATION: then only the bias is added. T is float or Bf16.
template <typename T>
void activateTensor(const SimdTable& simd, int kind, float slope, const SnTensor& xTensor, const T* x,
                    const float* bias, const SnTensor& yTensor, T* y);

// The same on one dense tensor in place.
template <typename T>
void activateInPlace(const SimdTable& simd, int kind, float slope, const SnTensor& tensor, const float* bias, T* data) {
  activateTensor<T>(simd, kind, slope, tensor, data, bias, tensor, data);
}

}  // namespace saturnn::cpu
