// fit copies rows x channels into a tensor with other numbers of both: the excess is cut off, missing elements are 0.
// It pads channels for tensor cores, removes the padding again, and converts dtypes. A thread writes 16 bytes of a row
// if the target is aligned. The source, whose rows have any length, is read element by element.
//
// gather makes many small copies in one launch, because a memcpy for each takes longer than its transfer.
#include "cuda/kernels/common/rows.cuh"
#include "cuda/kernels/data.h"

namespace saturnn::cuda {
namespace {

// 16-byte stores only: a source of three channels has no aligned rows.
template <class From, class To, int Width>
__global__ void __launch_bounds__(kThreads)
    fit(View<const From> x, int64_t xRows, int xChannels, View<To> y, int64_t yRows, int columns) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  const int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y;
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row >= yRows) return;
    Vector<Width> value;
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) {
      const int channel = column * Width + lane;
      const bool exists = row < xRows && channel < xChannels;
      value.lane[lane] = exists ? toFloat(x.data[row * x.stride + channel]) : 0.0f;
    }
    store<Width>(y.data + row * y.stride + column * Width, value);
  }
}

constexpr int kMostBlocks = 64;  // per piece; its threads loop over longer pieces

template <class Word>
__global__ void __launch_bounds__(kThreads) gather(const Pieces pieces) {
  const Piece piece = pieces.pieces[blockIdx.y];
  const auto* source = reinterpret_cast<const Word*>(piece.source);
  auto* target = reinterpret_cast<Word*>(piece.target);
  const int64_t count = piece.count * int64_t{sizeof(float)} / int64_t{sizeof(Word)};
  const int64_t stride = int64_t{gridDim.x} * kThreads;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += stride) target[i] = source[i];
}

bool allowsVectors(const Piece& piece) {
  return isAligned(piece.source) && isAligned(piece.target) && piece.count % 4 == 0;
}

}  // namespace

void launchFit(ConstRows x, int64_t xRows, int64_t xChannels, Rows y, int64_t yRows, int64_t yChannels,
               cudaStream_t stream) {
  if (yRows == 0 || yChannels == 0) return;
  const bool vectors = yChannels % vectorWidth(y.dtype) == 0 && allowsVectors(y);
  const auto run = [&](auto from, auto to) {
    using From = typename decltype(from)::Element;
    using To = typename decltype(to)::Element;
    const int width = vectors ? kVectorWidth<To> : 1;
    const Tiling tiling = tile(yRows, yChannels, width);
    launch("fit", vectors ? fit<From, To, kVectorWidth<To>> : fit<From, To, 1>, tiling.grid(), tiling.block, stream,
           viewOf<From>(x), xRows, static_cast<int>(xChannels), viewOf<To>(y), yRows, tiling.columns);
  };
  if (x.dtype == y.dtype) {
    withStorage(x.dtype, [&](auto both) { run(both, both); });
  } else if (x.dtype == SN_F32) {
    withStorage(y.dtype, [&](auto to) { run(Storage<float>{}, to); });
  } else {
    withStorage(x.dtype, [&](auto from) { run(from, Storage<float>{}); });
  }
}

void launchGather(const Pieces& pieces, int count, cudaStream_t stream) {
  if (count == 0) return;
  int64_t longest = 0;
  bool vectors = true;
  for (int i = 0; i < count; ++i) {
    longest = std::max(longest, pieces.pieces[i].count);
    vectors = vectors && allowsVectors(pieces.pieces[i]);
  }
  const int64_t perBlock = int64_t{kThreads} * kUnroll;
  const auto blocks = static_cast<unsigned>(std::min<int64_t>(kMostBlocks, ceilDivide(longest, perBlock)));
  launch("gather", vectors ? gather<uint4> : gather<uint32_t>, dim3(blocks, static_cast<unsigned>(count)), kThreads,
         stream, pieces);
}

}  // namespace saturnn::cuda
