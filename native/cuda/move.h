// A copy of a tensor, for copy, concat and slice.
#pragma once

#include "cuda/kernel.h"

namespace saturnn::cuda {

// Copies `from` into `to`. Both have the same shape and may be slices of channels. The dtypes are equal, or f32 and a
// half.
struct Move {
  SnTensor from, to;

  // Does nothing if both are the same memory.
  void enqueue(SnDevice& device, const void* source, void* target) const;
};

}  // namespace saturnn::cuda
