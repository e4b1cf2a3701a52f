// Tensors as kernels see them: rows x channels. Element (r, c) lies at data[r * stride + c], and `data` points to elements
// of `dtype`. So a slice of the channels of a wider image is a view whose stride is wider than its channel count.
//
// Images are f32, bf16 or f16, everything else f32 unless said otherwise. The images of one launch have one dtype. Every
// kernel has a variant with 16-byte loads and stores, taken when all pointers and strides allow it, and one without. A
// launcher is a plain function that enqueues on a stream; its prototype stands in the .cc that calls it, or in a header
// where several do or where it takes a struct.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "shared/backend.h"

namespace saturnn::cuda {

struct Rows {
  void* data;
  int64_t stride;
  SnDType dtype;
};

struct ConstRows {
  const void* data;
  int64_t stride;
  SnDType dtype;
};

}  // namespace saturnn::cuda
