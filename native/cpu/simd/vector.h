// The widest vectors of the instruction set that this object is compiled for, as GCC's portable vector types: for loops
// that keep several vectors in registers (pooling windows, reductions), which auto-vectorised arrays would spill.
#pragma once

#include <stdint.h>
#include <string.h>

namespace saturnn {
namespace {

#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX2__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif

typedef float FloatVector __attribute__((vector_size(lanes * 4)));
typedef int32_t IntVector __attribute__((vector_size(lanes * 4)));
typedef uint8_t ByteVector __attribute__((vector_size(lanes)));
typedef double DoubleVector __attribute__((vector_size(lanes * 4)));
typedef float HalfFloatVector __attribute__((vector_size(lanes * 2)));  // as many floats as a DoubleVector has doubles

// Loads and stores of V = FloatVector (any alignment), or of V = float for the channels that fill no vector.
template <typename V>
inline V load(const float* p) {
  V v;
  memcpy(&v, p, sizeof v);
  return v;
}

template <typename V>
inline void store(float* p, V v) {
  memcpy(p, &v, sizeof v);
}

// The integers that go with V, lane by lane, and their loads and stores as bytes.
template <typename V>
struct IntegersOf;
template <>
struct IntegersOf<FloatVector> {
  typedef IntVector Type;
};
template <>
struct IntegersOf<float> {
  typedef int32_t Type;
};
template <typename V>
using Integers = typename IntegersOf<V>::Type;

inline void storeBytes(uint8_t* p, IntVector v) {
  const ByteVector bytes = __builtin_convertvector(v, ByteVector);
  memcpy(p, &bytes, sizeof bytes);
}
inline void storeBytes(uint8_t* p, int32_t v) { *p = static_cast<uint8_t>(v); }

template <typename I>
inline I loadBytes(const uint8_t* p) {
  if constexpr (sizeof(I) == sizeof(int32_t)) {
    return *p;
  } else {
    ByteVector bytes;
    memcpy(&bytes, p, sizeof bytes);
    return __builtin_convertvector(bytes, I);
  }
}

// Calls body.template run<V>(first channel) until all channels are done: whole vectors, the last of which overlaps its
// neighbour rather than leave a tail (so the body must not read what it writes), or single floats if there are fewer.
template <typename Body>
inline void forChannels(int64_t channels, const Body& body) {
  if (channels < lanes) {
    for (int64_t c = 0; c < channels; ++c) body.template run<float>(c);
    return;
  }
  for (int64_t c = 0; c < channels; c += lanes) {
    body.template run<FloatVector>(c + lanes <= channels ? c : channels - lanes);
  }
}

}  // namespace
}  // namespace saturnn
