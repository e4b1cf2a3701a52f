// Bias and activation over a whole tensor, on all threads. Used by the op activation, and by convolution and linear
// where oneDNN cannot fuse the activation (with one, it replaces Winograd by a direct convolution).
#pragma once

#include "cpu/simd/table.h"
#include "shared/backend.h"

namespace saturnn::cpu {

// Computes y = f(x + bias). x and y have the same shape and layout, f32 or bf16, and may be channel slices, or the same
// memory if both are at the same place. `bias` (shape[rank - 1] elements) may be null. `kind` is an id of
// native/activations.def, or SN_NO_ACTIVATION, which only adds the bias. T is float or Bf16.
template <typename T>
void activateTensor(const SimdTable& simd, int kind, float slope, const SnTensor& xTensor, const T* x,
                    const float* bias, const SnTensor& yTensor, T* y);

// As above, in place on one dense tensor.
template <typename T>
void activateInPlace(const SimdTable& simd, int kind, float slope, const SnTensor& tensor, const float* bias, T* data) {
  activateTensor<T>(simd, kind, slope, tensor, data, bias, tensor, data);
}

}  // namespace saturnn::cpu
