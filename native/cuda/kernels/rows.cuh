// How kernels over rows x channels share out their work. A thread keeps its channels (one float, or four in a 16-byte
// vector) for all its rows: then a bias is loaded once and a bias gradient stays in registers. A block is as wide as
// the channels, up to 256 threads, and as high as fits: its warps read whole, consecutive rows, whatever the channel
// count.
#pragma once

#include <algorithm>

#include "../check.h"
#include "kernels.h"

namespace saturnn {

constexpr int kThreads = 256;
constexpr int kUnroll = 4;  // rows in flight per thread, so that loads are issued before the first is used

template <int Width>
struct alignas(4 * Width) Vector {
  float lane[Width];
};

template <int Width>
__device__ __forceinline__ Vector<Width> load(const float* from) {
  Vector<Width> vector;
  if constexpr (Width == 4) {
    const float4 quad = *reinterpret_cast<const float4*>(from);
    vector.lane[0] = quad.x, vector.lane[1] = quad.y, vector.lane[2] = quad.z, vector.lane[3] = quad.w;
  } else {
    vector.lane[0] = *from;
  }
  return vector;
}

template <int Width>
__device__ __forceinline__ void store(float* to, const Vector<Width>& vector) {
  if constexpr (Width == 4) {
    *reinterpret_cast<float4*>(to) = make_float4(vector.lane[0], vector.lane[1], vector.lane[2], vector.lane[3]);
  } else {
    *to = vector.lane[0];
  }
}

inline bool isAligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

template <class View>
bool allowsVectors(const View& view) {
  return isAligned(view.data) && view.stride % 4 == 0;
}

struct Tiling {
  dim3 block;
  int columns;       // vectors (or floats) in a row
  int columnTiles;   // blocks side by side
  int64_t rowTiles;  // blocks one below the other, each of block.y * kUnroll rows
};

inline int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline Tiling tile(int64_t rows, int64_t channels, int width) {
  Tiling tiling;
  const int64_t columns = channels / width;
  const int64_t tiles = ceilDivide(columns, kThreads);
  if (tiles > 65535)
    throw Error("ERR_UNSUPPORTED", "a last dimension of " + std::to_string(channels) + " is too long");
  tiling.columns = static_cast<int>(columns);
  tiling.columnTiles = static_cast<int>(tiles);
  const int64_t blockColumns = ceilDivide(columns, tiles);
  const int64_t blockRows = std::max<int64_t>(1, std::min<int64_t>(kThreads / blockColumns, ceilDivide(rows, kUnroll)));
  tiling.block = dim3(static_cast<unsigned>(blockColumns), static_cast<unsigned>(blockRows));
  tiling.rowTiles = ceilDivide(rows, blockRows * kUnroll);
  return tiling;
}

}  // namespace saturnn
