// A copy of a tensor, as copy, concat and slice make it.
#pragma once

#include "cuda/kernel.h"

namespace saturnn::cuda {

// `from` into `to`, of one shape, each perhaps a slice of channels, of one dtype or one of them f32 and the other a half.
struct Move {
  SnTensor from, to;

  // Nothing if they already are the same memory.
  void enqueue(SnDevice& device, const void* source, void* target) const;
};

}  // namespace saturnn::cuda
