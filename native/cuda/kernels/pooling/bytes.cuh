// Vectors of 1, 4 or 8 bytes, one byte for each element of an image's vector, at an address that is a multiple of their
// size.
#pragma once

#include <cstdint>

namespace saturnn::cuda {

// The bytes in the order of memory: element `lane` is byte lane % 4 of word lane / 4.
template <int Width>
struct alignas(Width == 8 ? 8 : 4) Words {
  static_assert(Width == 1 || Width == 4 || Width == 8, "an element, or a vector beside one of 16 bytes");
  uint32_t word[(Width + 3) / 4];

  // Whether element `lane` of a vector is 0.
  __device__ __forceinline__ bool isZero(int lane) const { return (word[lane / 4] & 0xffu << (lane % 4 * 8)) == 0; }
};

template <int Width>
__device__ __forceinline__ Words<Width> loadBytes(const uint8_t* from) {
  Words<Width> words;
  if constexpr (Width == 1) {
    words.word[0] = *from;
  } else if constexpr (Width == 4) {
    words.word[0] = *reinterpret_cast<const uint32_t*>(from);
  } else {
    const uint2 pair = *reinterpret_cast<const uint2*>(from);
    words.word[0] = pair.x;
    words.word[1] = pair.y;
  }
  return words;
}

// Returns a nonzero byte where the byte differs from `value` (0 to 255), else 0.
template <int Width>
__device__ __forceinline__ Words<Width> differenceFrom(const Words<Width>& words, uint32_t value) {
  Words<Width> difference;
#pragma unroll
  for (int i = 0; i < (Width + 3) / 4; ++i) difference.word[i] = words.word[i] ^ value * 0x01010101u;
  return difference;
}

// Values of 0 ... 255.
template <int Width>
__device__ __forceinline__ void storeBytes(uint8_t* to, const int (&values)[Width]) {
  if constexpr (Width == 1) {
    *to = static_cast<uint8_t>(values[0]);
  } else {
    uint32_t word[Width / 4] = {};
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) {
      word[lane / 4] |= static_cast<uint32_t>(values[lane]) << (lane % 4 * 8);
    }
    if constexpr (Width == 4) {
      *reinterpret_cast<uint32_t*>(to) = word[0];
    } else {
      *reinterpret_cast<uint2*>(to) = make_uint2(word[0], word[1]);
    }
  }
}

}  // namespace saturnn::cuda
