// Tensors as kernels see them: rows x channels. Element (r, c) is at data[r * stride + c], where `data` points to
// elements of `dtype`. So a slice of the channels of a wider image is a view whose stride is larger than its channel
// count.
//
// Images are f32, bf16 or f16; everything else is f32 unless stated otherwise. All images of a launch have one dtype.
// Every kernel has a variant with 16-byte loads and stores, used if all pointers and strides allow it, and one without.
// A launcher is a plain function that enqueues on a stream. It is declared in the .cc file that calls it, or in a
// header if several files do or if it takes a struct.
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
