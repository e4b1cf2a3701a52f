// bf16 is the upper half of an f32. Loops widen the elements that they load, compute in f32, and round once when they
// store: to nearest, ties to even, as processors do. With integer instructions, because the processor's own instruction
// treats numbers below 1e-38 as 0, and many processors with AVX-512 do not have it.
#pragma once

#include <stdint.h>
#include <string.h>

namespace saturnn::cpu {

struct Bf16 {
  uint16_t bits;
};

// Internal linkage, like everything that simd/ compiles per instruction set.
namespace {

inline __attribute__((always_inline)) float widen(float value) { return value; }

inline __attribute__((always_inline)) float widen(Bf16 value) {
  const uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
  float wide;
  memcpy(&wide, &bits, sizeof wide);
  return wide;
}

// NaN stays NaN: its quiet bit is set, because all of its fraction bits may be in the lower half.
template <typename T>
inline __attribute__((always_inline)) T narrow(float value) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return value;
  } else {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
    const uint32_t chosen = value != value ? bits | 0x400000 : rounded;
    return T{static_cast<uint16_t>(chosen >> 16)};
  }
}

}  // namespace
}  // namespace saturnn::cpu
