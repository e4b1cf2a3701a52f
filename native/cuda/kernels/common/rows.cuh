// The division of work in kernels over rows x channels. A thread has the same channels (one, or a 16-byte vector) in
// all its rows: so a bias is loaded once and a bias gradient stays in registers. A block is as wide as the channels, up
// to 256 threads, and as high as fits: its warps read whole, consecutive rows for any channel count.
#pragma once

#include <algorithm>
#include <utility>

#include "cuda/kernels/common/launch.cuh"
#include "cuda/kernels/common/rows.h"
#include "cuda/kernels/common/storage.cuh"
#include "shared/operands.h"

namespace saturnn::cuda {

constexpr int kThreads = 256;
constexpr int kUnroll = 4;  // rows in flight per thread, so that loads are issued before the first is used

// Rows and ConstRows with their element type, for kernels: T may be const.
template <class T>
struct View {
  T* data;
  int64_t stride;
};

template <class T>
View<T> viewOf(const Rows& rows) {
  return {static_cast<T*>(rows.data), rows.stride};
}

template <class T>
View<const T> viewOf(const ConstRows& rows) {
  return {static_cast<const T*>(rows.data), rows.stride};
}

inline bool isAligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

// Whether every row of the view begins at a multiple of 16 bytes.
template <class View>
bool allowsVectors(const View& view) {
  return isAligned(view.data) && view.stride * elementBytes(view.dtype) % 16 == 0;
}

// Returns the number of elements in 16 bytes. For the host.
inline int64_t vectorWidth(SnDType dtype) { return 16 / elementBytes(dtype); }

struct Tiling {
  dim3 block;
  int columns;       // vectors (or single elements) in a row
  int columnTiles;   // blocks side by side
  int64_t rowTiles;  // blocks below each other, each of block.y * kUnroll rows

  dim3 grid() const { return dim3(static_cast<unsigned>(rowTiles), static_cast<unsigned>(columnTiles)); }
};

inline int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline Tiling tile(int64_t rows, int64_t channels, int width) {
  Tiling tiling;
  const int64_t columns = channels / width;
  const int64_t tiles = ceilDivide(columns, kThreads);
  if (tiles > 65535) throw Error("ERR_UNSUPPORTED", "a last dimension of " + std::to_string(channels) + " is too long");
  tiling.columns = static_cast<int>(columns);
  tiling.columnTiles = static_cast<int>(tiles);
  const int64_t blockColumns = ceilDivide(columns, tiles);
  const int64_t blockRows = std::max<int64_t>(1, std::min<int64_t>(kThreads / blockColumns, ceilDivide(rows, kUnroll)));
  tiling.block = dim3(static_cast<unsigned>(blockColumns), static_cast<unsigned>(blockRows));
  tiling.rowTiles = ceilDivide(rows, blockRows * kUnroll);
  return tiling;
}

// If no view has gaps between its rows, and nothing is per channel, only the element count matters. Rows of a good
// length are used for any shape then, so that a long vector does not become one row.
template <class... Views>
void flatten(int64_t& rows, int64_t& channels, Views&... views) {
  if (((views.stride != channels) || ...)) return;
  const int64_t elements = rows * channels;
  for (const int64_t length : {2048, 1024, 256, 64, 16, 8, 4, 1}) {
    if (elements % length != 0) continue;
    rows = elements / length;
    channels = length;
    ((views.stride = length), ...);
    return;
  }
}

}  // namespace saturnn::cuda
