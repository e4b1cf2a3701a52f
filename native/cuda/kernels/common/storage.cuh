// Storage of image elements (f32, bf16 or f16) and how kernels read and write them: converted to f32, in vectors of 16
// bytes. A kernel is a template over the type of an element and the number of elements that a thread processes at once.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

#include "shared/backend.h"
#include "shared/error.h"

namespace saturnn::cuda {

// Number of elements in 16 bytes.
template <class T>
constexpr int kVectorWidth = 16 / static_cast<int>(sizeof(T));

template <int Width>
struct alignas(4 * (Width < 4 ? Width : 4)) Vector {
  float lane[Width];
};

// Elements in storage format, in as many registers as the load needs, so that many loads can be in flight.
template <class T, int Width>
struct alignas(sizeof(T) * Width < 16 ? sizeof(T) * Width : 16) Packed {
  T element[Width];
};

// Loads 16 bytes at a time if there are as many: `from` must then be aligned to 16 bytes.
template <int Width, class T>
__device__ __forceinline__ Packed<T, Width> loadPacked(const T* from) {
  constexpr int kQuads = static_cast<int>(sizeof(T)) * Width / 16;
  Packed<T, Width> packed;
  if constexpr (kQuads == 0) {
    static_assert(Width == 1, "one element, or a multiple of 16 bytes");
    packed.element[0] = *from;
  } else {
#pragma unroll
    for (int quad = 0; quad < kQuads; ++quad) {
      reinterpret_cast<uint4*>(&packed)[quad] = reinterpret_cast<const uint4*>(from)[quad];
    }
  }
  return packed;
}

__device__ __forceinline__ float toFloat(float value) { return value; }
__device__ __forceinline__ float toFloat(__nv_bfloat16 value) { return __bfloat162float(value); }
__device__ __forceinline__ float toFloat(__half value) { return __half2float(value); }

// Rounds to nearest, ties to even. Numbers too large for f16 become infinite.
template <class T>
__device__ __forceinline__ T fromFloat(float value);
template <>
__device__ __forceinline__ float fromFloat<float>(float value) {
  return value;
}
template <>
__device__ __forceinline__ __nv_bfloat16 fromFloat<__nv_bfloat16>(float value) {
  return __float2bfloat16_rn(value);
}
template <>
__device__ __forceinline__ __half fromFloat<__half>(float value) {
  return __float2half_rn(value);
}

template <class T, int Width>
__device__ __forceinline__ Vector<Width> unpack(const Packed<T, Width>& packed) {
  Vector<Width> vector;
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) vector.lane[lane] = toFloat(packed.element[lane]);
  return vector;
}

// A bf16 is the upper half of an f32. Unpacked as words of two, because the compiler would use a register for each.
template <int Width>
__device__ __forceinline__ Vector<Width> unpack(const Packed<__nv_bfloat16, Width>& packed) {
  Vector<Width> vector;
  if constexpr (Width == 1) {
    vector.lane[0] = toFloat(packed.element[0]);
  } else {
    const auto* words = reinterpret_cast<const uint32_t*>(&packed);
#pragma unroll
    for (int pair = 0; pair < Width / 2; ++pair) {
      vector.lane[2 * pair] = __uint_as_float(words[pair] << 16);
      vector.lane[2 * pair + 1] = __uint_as_float(words[pair] & 0xffff0000u);
    }
  }
  return vector;
}

template <int Width, class T>
__device__ __forceinline__ Vector<Width> load(const T* from) {
  return unpack(loadPacked<Width>(from));
}

// Converts two f32 to halves in one word, with one instruction.
template <class T>
__device__ __forceinline__ uint32_t toWord(float low, float high);
template <>
__device__ __forceinline__ uint32_t toWord<__nv_bfloat16>(float low, float high) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return reinterpret_cast<const uint32_t&>(pair);
}
template <>
__device__ __forceinline__ uint32_t toWord<__half>(float low, float high) {
  const __half2 pair = __floats2half2_rn(low, high);
  return reinterpret_cast<const uint32_t&>(pair);
}

template <int Width, class T>
__device__ __forceinline__ void store(T* to, const Vector<Width>& vector) {
  constexpr int kQuads = static_cast<int>(sizeof(T)) * Width / 16;
  Packed<T, Width> packed;
  if constexpr (sizeof(T) == 2 && Width > 1) {
#pragma unroll
    for (int pair = 0; pair < Width / 2; ++pair) {
      reinterpret_cast<uint32_t*>(&packed)[pair] = toWord<T>(vector.lane[2 * pair], vector.lane[2 * pair + 1]);
    }
  } else {
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) packed.element[lane] = fromFloat<T>(vector.lane[lane]);
  }
  if constexpr (kQuads == 0) {
    static_assert(Width == 1, "one element, or a multiple of 16 bytes");
    *to = packed.element[0];
  } else {
#pragma unroll
    for (int quad = 0; quad < kQuads; ++quad) {
      reinterpret_cast<uint4*>(to)[quad] = reinterpret_cast<const uint4*>(&packed)[quad];
    }
  }
}

template <class T>
struct Storage {
  using Element = T;
};

// Calls function(Storage<T>{}) with the T of a dtype.
template <class Function>
void withStorage(SnDType dtype, Function&& function) {
  switch (dtype) {
    case SN_F32: return function(Storage<float>{});
    case SN_BF16: return function(Storage<__nv_bfloat16>{});
    case SN_F16: return function(Storage<__half>{});
    default: throw Error("ERR_INTERNAL", "a kernel was given an image that is neither f32, bf16 nor f16");
  }
}

}  // namespace saturnn::cuda
