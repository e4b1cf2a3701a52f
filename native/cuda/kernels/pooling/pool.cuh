// The division of work in the pooling kernels. A thread has one vector of channels of one column, and several rows
// below each other, so that what it reads serves several windows. The threads of a block are adjacent in memory.
// Windows of 3x3, which the networks have, are unrolled; all others use kernels with loops.
//
// Window o of an axis covers the pixels from o * stride - pad to o * stride - pad + kernel - 1 that are inside the
// image.
#pragma once

#include "cuda/kernels/common/rows.cuh"
#include "cuda/kernels/pooling.h"

namespace saturnn::cuda {

constexpr int kPoolRows = 4;  // of the written image, per thread, in the unrolled kernels

// The view of an image [N, H, W, C]; T may be const.
template <class T>
struct Image {
  T* data;
  int64_t imagePitch, rowPitch, pixelPitch;

  __device__ __forceinline__ T* at(int64_t n, int row, int column, int channel) const {
    return data + n * imagePitch + row * rowPitch + column * pixelPitch + channel;
  }
};

template <class T, class AnyRows>
Image<T> imageOf(const AnyRows& rows, int height, int width) {
  const int64_t rowPitch = width * rows.stride;
  return {static_cast<T*>(rows.data), height * rowPitch, rowPitch, rows.stride};
}

template <class T>
Image<T> indicesOf(T* indices, const PoolShape& shape) {
  const int64_t rowPitch = shape.outputWidth * shape.channels;
  return {indices, shape.outputHeight * rowPitch, rowPitch, shape.channels};
}

struct PoolTiling {
  dim3 grid, block;
};

// x: channels, and in the grid also columns; y: columns in the block, rows in the grid; z: rows in the block, images in
// the grid. So blocks that read the same rows run at about the same time.
inline PoolTiling poolTiling(int64_t batch, int height, int width, int64_t channels, int vectorWidth,
                             int rowsPerThread) {
  const int64_t columns = channels / vectorWidth;
  const int64_t channelTiles = ceilDivide(columns, kThreads);
  const int64_t perBlock = ceilDivide(columns, channelTiles);
  const int64_t widthTiles = ceilDivide(width, kThreads / perBlock);
  const int64_t pixels = ceilDivide(width, widthTiles);
  const int64_t strips = ceilDivide(height, rowsPerThread);
  const int64_t stripsPerBlock = std::min<int64_t>({strips, kThreads / (perBlock * pixels), 64});
  PoolTiling tiling;
  tiling.block =
      dim3(static_cast<unsigned>(perBlock), static_cast<unsigned>(pixels), static_cast<unsigned>(stripsPerBlock));
  tiling.grid =
      dim3(static_cast<unsigned>(widthTiles * channelTiles), static_cast<unsigned>(ceilDivide(strips, stripsPerBlock)),
           static_cast<unsigned>(std::min<int64_t>(batch, 65535)));
  return tiling;
}

// The position of a thread: the first channel of its vector, its column, and its first row. May be outside of the
// image.
struct PoolPlace {
  int channel, column, row;
};

template <int Width>
__device__ __forceinline__ PoolPlace poolPlace(const PoolShape& shape, int rowsPerThread) {
  const unsigned columns = static_cast<unsigned>(shape.channels) / Width;
  const unsigned channelTiles = (columns + kThreads - 1) / kThreads;
  const unsigned tile = blockIdx.x / channelTiles;
  const unsigned channelTile = blockIdx.x - tile * channelTiles;
  return {static_cast<int>(channelTile * blockDim.x + threadIdx.x) * Width,
          static_cast<int>(tile * blockDim.y + threadIdx.y),
          static_cast<int>(blockIdx.y * blockDim.z + threadIdx.z) * rowsPerThread};
}

struct Span {
  int begin, end;
};

// The pixels of a window.
__device__ __forceinline__ Span windowOf(int window, int kernel, int stride, int pad, int length) {
  const int origin = window * stride - pad;
  return {max(0, origin), min(length, origin + kernel)};
}

// Returns the windows that contain a pixel; may be empty.
__device__ __forceinline__ Span windowsOver(int pixel, int kernel, int stride, int pad, int windows) {
  const int last = pixel + pad;
  return {last < kernel ? 0 : (last - kernel) / stride + 1, min(windows, last / stride + 1)};
}

__device__ __forceinline__ float inverseOf(Span span) { return 1.0f / static_cast<float>(span.end - span.begin); }

// The weight of each pixel of a window along one axis, for windows of any size.
__device__ __forceinline__ float weightOf(Span span, const PoolWindows& windows) {
  // The length is chosen, and not the weight: a second way around the division would make registers spill.
  return inverseOf(windows.sum != 0 ? Span{0, 1} : span);
}

// As above for a span of 1 to Most, without a division.
template <int Most>
__device__ __forceinline__ float inverseOf(Span span) {
  float inverse = 1.0f;
#pragma unroll
  for (int length = 2; length <= Most; ++length) {
    inverse = span.end - span.begin == length ? 1.0f / static_cast<float>(length) : inverse;
  }
  return inverse;
}

// Calls function(kernel, stride) with integral constants if there is an unrolled kernel for this window.
template <class Function>
bool withUnrolledWindow(const PoolWindows& windows, Function&& function) {
  if (windows.sum != 0) return false;
  if (windows.kernelH != 3 || windows.kernelW != 3 || windows.strideH != windows.strideW) return false;
  using Three = std::integral_constant<int, 3>;
  if (windows.strideH == 1) return function(Three{}, std::integral_constant<int, 1>{}), true;
  if (windows.strideH == 2) return function(Three{}, std::integral_constant<int, 2>{}), true;
  return false;
}

}  // namespace saturnn::cuda
