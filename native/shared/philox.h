// Philox 4x32-10, a counter-based random generator: the same counter and key give the same four numbers everywhere. So
// a random op has no state and gives the same numbers on every device and after a resume. For the host and for CUDA
// devices.
//
// Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
#pragma once

#include "shared/arithmetic.h"  // SN_INLINE

namespace saturnn {

// Key word 0 is the seed. Key word 1 is one of these constants: each use of a seed gets independent numbers.
// The counter is (index of the element or image, step, stream, 0).
constexpr uint32_t randomizedReluKey = 0x72726c75;  // "rrlu"
constexpr uint32_t dropoutKey = 0x64726f70;         // "drop"

struct PhiloxNumbers {
  uint32_t values[4];
};

SN_INLINE uint32_t multiplyHigh(uint32_t a, uint32_t b) {
  return static_cast<uint32_t>((static_cast<uint64_t>(a) * b) >> 32);
}

SN_INLINE PhiloxNumbers philox4x32(PhiloxNumbers counter, uint32_t key0, uint32_t key1) {
  uint32_t* c = counter.values;
  for (int round = 0; round < 10; ++round) {
    const uint32_t high0 = multiplyHigh(0xd2511f53u, c[0]), low0 = 0xd2511f53u * c[0];
    const uint32_t high1 = multiplyHigh(0xcd9e8d57u, c[2]), low1 = 0xcd9e8d57u * c[2];
    c[0] = high1 ^ c[1] ^ key0;
    c[1] = low1;
    c[2] = high0 ^ c[3] ^ key1;
    c[3] = low0;
    key0 += 0x9e3779b9u;
    key1 += 0xbb67ae85u;
  }
  return counter;
}

}  // namespace saturnn
