// Random numbers for the elements of a tensor: a block of Philox numbers for four consecutive elements in NHWC order,
// even in a slice of a wider buffer. The same on every backend.
#pragma once

#include "cuda/kernels/common/rows.cuh"
#include "shared/philox.h"

namespace saturnn::cuda {

struct RandomSource {
  uint32_t seed, step, stream;
};

// counter = {seed, step}
__device__ __forceinline__ RandomSource sourceOf(const uint32_t* __restrict__ counter, int32_t stream) {
  return {counter[0], counter[1], static_cast<uint32_t>(stream)};
}

template <int Width>
struct RandomNumbers {
  uint32_t lane[Width];
};

// Returns the numbers of `Width` elements from `first` on. With vectors `first` must be a multiple of 4.
template <uint32_t Key, int Width>
__device__ __forceinline__ RandomNumbers<Width> draw(const RandomSource& source, int64_t first) {
  RandomNumbers<Width> numbers;
  uint32_t place = static_cast<uint32_t>(first / 4);
  if constexpr (Width == 1) {
    const PhiloxNumbers block = philox4x32({{place, source.step, source.stream, 0}}, source.seed, Key);
    const int word = static_cast<int>(first % 4);
    // Selections, because an index that is not known at compile time would put the block into memory.
    const uint32_t low = word == 0 ? block.values[0] : block.values[1];
    const uint32_t high = word == 2 ? block.values[2] : block.values[3];
    numbers.lane[0] = word < 2 ? low : high;
  } else {
    static_assert(Width % 4 == 0, "whole blocks");
#pragma unroll
    for (int lane = 0; lane < Width; lane += 4, ++place) {
      const PhiloxNumbers block = philox4x32({{place, source.step, source.stream, 0}}, source.seed, Key);
#pragma unroll
      for (int word = 0; word < 4; ++word) numbers.lane[lane + word] = block.values[word];
    }
  }
  return numbers;
}

}  // namespace saturnn::cuda
