// Kernels over flat f32 arenas, element by element: a thread has one vector; the last threads may have single elements.
#pragma once

#include <initializer_list>
#include <type_traits>

#include "cuda/kernels/common/rows.cuh"

namespace saturnn::cuda {

// Calls body(width, first) for this thread's elements, `width` at once; `width` is an integral constant.
template <int Width, class Body>
__device__ __forceinline__ void forElements(int64_t count, const Body& body) {
  const int64_t first = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * Width;
  if (first + Width <= count) {
    body(std::integral_constant<int, Width>{}, first);
  } else if constexpr (Width > 1) {
    for (int64_t index = first; index < count; ++index) body(std::integral_constant<int, 1>{}, index);
  }
}

// Returns the number of elements per thread, for arenas that begin at these pointers.
inline int flatWidth(std::initializer_list<const void*> arenas) {
  for (const void* arena : arenas) {
    if (!isAligned(arena)) return 1;
  }
  return kVectorWidth<float>;
}

inline dim3 flatBlocks(int64_t count, int width) {
  return dim3(static_cast<unsigned>(ceilDivide(count, int64_t{kThreads} * width)));
}

}  // namespace saturnn::cuda
