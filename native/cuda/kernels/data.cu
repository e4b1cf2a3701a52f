// augment: selects the images of a batch from a data set of bytes, crops and mirrors them, and normalises every
// channel. A mean image is indexed by the pixel's place in the whole image, so it is cropped and mirrored with it.
//
// fit copies rows x channels into a tensor with other numbers of both: the excess is cut off, missing elements are 0.
// It pads channels for tensor cores, removes the padding again, and converts dtypes. A thread writes 16 bytes of a row
// if the target is aligned. The source, whose rows have any length, is read element by element.
//
// gather makes many small copies in one launch, because a memcpy for each takes longer than its transfer.
#include "cuda/kernels/common/rows.cuh"
#include "cuda/kernels/data.h"
#include "shared/crop.h"

namespace saturnn::cuda {
namespace {

constexpr int kCropRows = 8;  // per thread, so that it draws the crop of its image once for all of them

template <class T>
__global__ void __launch_bounds__(kThreads) augment(const __grid_constant__ Augmentation a, View<T> y) {
  const int column = blockIdx.x * blockDim.y + threadIdx.y;
  if (column >= a.cropWidth) return;
  const int firstRow = blockIdx.y * kCropRows;
  const int spareRows = a.height - a.cropHeight, spareColumns = a.width - a.cropWidth;
  const int64_t rowPitch = int64_t{a.width} * a.channels;

  for (int64_t n = blockIdx.z; n < a.batch; n += gridDim.z) {
    const int64_t image = a.indices[n];
    const bool known = image >= 0 && image < a.count;
    const Crop crop = a.counter ? drawCrop(n, a.counter, spareRows, spareColumns) : centreCrop(spareRows, spareColumns);
    const int sourceColumn = crop.left + (crop.mirror ? a.cropWidth - 1 - column : column);
    for (int channel = threadIdx.x; channel < a.channels; channel += blockDim.x) {
      const float inverseDeviation = a.inverseDeviation[channel];
      const int64_t first = (crop.top + firstRow) * rowPitch + int64_t{sourceColumn} * a.channels + channel;
      const uint8_t* pixel = a.images + (known ? image : 0) * a.height * rowPitch + first;
      const float* mean = a.meanPerPixel ? a.mean + first : a.mean + channel;
      const int64_t meanPitch = a.meanPerPixel ? rowPitch : 0;
      T* to = y.data + ((n * a.cropHeight + firstRow) * a.cropWidth + column) * y.stride + channel;
#pragma unroll 4
      for (int row = 0; row < kCropRows; ++row) {
        if (firstRow + row >= a.cropHeight) break;
        const float value = (static_cast<float>(pixel[row * rowPitch]) - mean[row * meanPitch]) * inverseDeviation;
        to[row * (a.cropWidth * y.stride)] = fromFloat<T>(known ? value : __int_as_float(0x7fc00000));
      }
    }
  }
}

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

void launchAugment(const Augmentation& a, Rows y, cudaStream_t stream) {
  const int channels = std::min(a.channels, kThreads);
  const int64_t tiles = ceilDivide(a.cropWidth, kThreads / channels);
  const dim3 block(static_cast<unsigned>(channels), static_cast<unsigned>(ceilDivide(a.cropWidth, tiles)));
  const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>(ceilDivide(a.cropHeight, kCropRows)),
                  static_cast<unsigned>(std::min<int64_t>(a.batch, 65535)));
  withStorage(y.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    launch("augment", augment<T>, grid, block, stream, a, viewOf<T>(y));
  });
}

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
