// Included before every .cu file when g++ compiles it for the emulator: declares what nvcc has built in. CUDA's own
// headers give the vector types and the host versions of the conversions to and from half precision.
#pragma once

#define __launch_bounds__(...)
// One instance per operating-system thread, and a block runs on one: see runtime/shared_memory.h.
#define __shared__ static thread_local

#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <tuple>

#include "runtime/stream.h"
#include "runtime/thread_index.h"

#define threadIdx emulatedThreadIdx
#define blockIdx emulatedBlockIdx
#define blockDim emulatedBlockDim
#define gridDim emulatedGridDim

constexpr int warpSize = 32;

using std::isfinite;
using std::isinf;
using std::isnan;

// Used by launch.cuh. Copies the arguments, as a real launch does, so that a captured launch keeps them.
namespace emulator {

inline void* sharedAnchor() {
  static thread_local char anchor;
  return &anchor;
}

template <class... Parameters>
cudaError_t launchKernel(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block, cudaStream_t stream,
                         const std::tuple<Parameters...>& arguments) {
  return launch({name, grid, block, [=] { std::apply(kernel, arguments); }, sharedAnchor}, stream);
}

}  // namespace emulator

// Barriers and shuffles. __builtin_LINE() is the line of the call.
inline void __syncthreads(int line = __builtin_LINE()) { emulator::waitForBlock(line); }

inline void __syncwarp(unsigned mask = 0xffffffffu, int line = __builtin_LINE()) { emulator::exchange(mask, 0, line); }

namespace emulator {

template <class T>
uint64_t toBits(T value) {
  static_assert(sizeof(T) <= sizeof(uint64_t), "shuffles move at most 8 bytes");
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  return bits;
}

// Returns the value of lane `source`, or the caller's own if that lane is not in its segment of `width` lanes.
template <class T>
T valueOf(const Warp& warp, int source, int width) {
  const int segment = warp.lane / width * width;
  const int lane = source >= segment && source < segment + width ? source : warp.lane;
  T value;
  memcpy(&value, &warp.value[lane], sizeof value);
  return value;
}

}  // namespace emulator

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, int line = __builtin_LINE()) {
  const emulator::Warp warp = emulator::exchange(mask, emulator::toBits(value), line);
  const int place = ((source % width) + width) % width;
  return emulator::valueOf<T>(warp, warp.lane / width * width + place, width);
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, int line = __builtin_LINE()) {
  const emulator::Warp warp = emulator::exchange(mask, emulator::toBits(value), line);
  return emulator::valueOf<T>(warp, warp.lane - static_cast<int>(delta), width);
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, int line = __builtin_LINE()) {
  const emulator::Warp warp = emulator::exchange(mask, emulator::toBits(value), line);
  return emulator::valueOf<T>(warp, warp.lane + static_cast<int>(delta), width);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, int line = __builtin_LINE()) {
  const emulator::Warp warp = emulator::exchange(mask, emulator::toBits(value), line);
  return emulator::valueOf<T>(warp, warp.lane ^ lanes, width);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, int line = __builtin_LINE()) {
  const emulator::Warp warp = emulator::exchange(mask, predicate != 0, line);
  unsigned votes = 0;
  for (int lane = 0; lane < 32; ++lane) votes |= unsigned{(warp.present >> lane & 1) && warp.value[lane]} << lane;
  return votes;
}

inline int __any_sync(unsigned mask, int predicate, int line = __builtin_LINE()) {
  return __ballot_sync(mask, predicate, line) != 0;
}

inline int __all_sync(unsigned mask, int predicate, int line = __builtin_LINE()) {
  return __ballot_sync(mask, !predicate, line) == 0;
}

// Arithmetic and loads that have names of their own in CUDA.
inline float __int_as_float(int bits) { return __builtin_bit_cast(float, bits); }
inline float __uint_as_float(unsigned bits) { return __builtin_bit_cast(float, bits); }
inline int __float_as_int(float value) { return __builtin_bit_cast(int, value); }
inline unsigned __float_as_uint(float value) { return __builtin_bit_cast(unsigned, value); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>(uint64_t{a} * b >> 32); }
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline int __clz(int bits) { return bits == 0 ? 32 : __builtin_clz(static_cast<unsigned>(bits)); }
inline int __ffs(int bits) { return __builtin_ffs(bits); }

template <class T>
T __ldg(const T* from) {
  return *from;
}
template <class T>
T __ldcs(const T* from) {
  return *from;
}
template <class T>
void __stcs(T* to, T value) {
  *to = value;
}

inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
inline unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }
inline long min(long a, long b) { return a < b ? a : b; }
inline long max(long a, long b) { return a > b ? a : b; }
