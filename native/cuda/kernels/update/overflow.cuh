// The check before an update: the update's kernel computes the new values and, instead of storing them, tells whether one
// of them would overflow.
#pragma once

#include "cuda/kernels/common/rows.cuh"
#include "shared/updates.h"

namespace saturnn::cuda {
namespace {

// Whether this is a check of a step that will be skipped.
__device__ __forceinline__ bool isSkipped(const int32_t* flag, const int32_t* skip) {
  return flag != nullptr && skip != nullptr && *skip != 0;
}

template <int Width>
__device__ __forceinline__ bool mayBeWritten(const Vector<Width>& values) {
  bool all = true;
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) all = all && saturnn::mayBeWritten(values.lane[lane]);
  return all;
}

}  // namespace
}  // namespace saturnn::cuda
