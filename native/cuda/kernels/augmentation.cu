// augment: takes the images of a batch from a data set of bytes, moves, resizes and rotates each as its row of `places`
// says, changes its colours as its row of `colours` says, and normalises every channel. A mean image is indexed by the
// pixel's place in the whole image, so it is moved with it. The contrast needs the mean grey of an image, which a kernel
// of one block per image computes first; pixels are sampled again after it, because that is cheaper than to keep them.
//
// mix: mixes each image of a batch with another one, within a rectangle.
#include "cuda/kernels/augmentation.h"
#include "cuda/kernels/common/block_sum.cuh"
#include "cuda/kernels/common/rows.cuh"

namespace saturnn::cuda {
namespace {

constexpr int kCropRows = 8;  // per thread, so that it reads the place of its image once for all of them

__device__ __forceinline__ float notANumber() { return __int_as_float(0x7fc00000); }

__device__ __forceinline__ Place placeOf(const Augmentation& a, int64_t n) {
  return a.places ? a.places[n] : centrePlace(a.sourceHeight - a.height, a.sourceWidth - a.width);
}

// Returns pixel (i, j) of the source, less its mean.
__device__ __forceinline__ float centred(const Augmentation& a, const uint8_t* image, int i, int j, int channel) {
  const int64_t at = (int64_t{i} * a.sourceWidth + j) * a.channels + channel;
  return static_cast<float>(image[at]) - (a.meanPerPixel ? a.mean[at] : a.mean[channel]);
}

// The pixels of the source that pixel (h, w) of a result is made of. An upright one is the mean of its taps' products; a
// rotated one is bilinear, with 0 outside of the source.
struct Sample {
  Taps rows, columns;
  bool isUpright;

  __device__ __forceinline__ Sample(const Augmentation& a, const Place& place, int h, int w)
      : isUpright(saturnn::isUpright(place)) {
    if (isUpright) {
      rows = tapsOf(place.rowPerRow, place.firstRow, h,
                    extentOf(place.rowPerRow, place.firstRow, a.height, a.sourceHeight));
      columns = tapsOf(place.columnPerColumn, place.firstColumn, w,
                       extentOf(place.columnPerColumn, place.firstColumn, a.width, a.sourceWidth));
    } else {
      const float x = static_cast<float>(w), y = static_cast<float>(h);
      rows = tapsOf(1.0f, place.firstRow + y * place.rowPerRow + x * place.rowPerColumn, 0, {0, a.sourceHeight - 1});
      columns = tapsOf(1.0f, place.firstColumn + y * place.columnPerRow + x * place.columnPerColumn, 0,
                       {0, a.sourceWidth - 1});
    }
  }

  // Returns the value, less the mean.
  __device__ __forceinline__ float of(const Augmentation& a, const uint8_t* image, int channel) const {
    float total = 0.0f, weights = 0.0f;
    for (int i = rows.first; i <= rows.last; ++i) {
      const float rowWeight = weightOf(rows, i);
      for (int j = columns.first; j <= columns.last; ++j) {
        const float weight = rowWeight * weightOf(columns, j);
        total += weight * centred(a, image, i, j, channel);
        weights += weight;
      }
    }
    return isUpright && weights > 0.0f ? total / weights : total;
  }
};

// Images that are copied, without a change of their colours.
template <class T>
__device__ __forceinline__ void copyPixels(const Augmentation& a, const Place& place, const uint8_t* image, int64_t n,
                                           int firstRow, int column, int channel, const View<T>& y) {
  const int sourceColumn = static_cast<int>(place.firstColumn) + (place.columnPerColumn < 0.0f ? -column : column);
  const int rowStep = place.rowPerRow < 0.0f ? -1 : 1;
  const int sourceRow = static_cast<int>(place.firstRow) + rowStep * firstRow;
  const bool hasColumn = sourceColumn >= 0 && sourceColumn < a.sourceWidth;
  const float inverseDeviation = a.inverseDeviation[channel];
  T* to = y.data + ((n * a.height + firstRow) * a.width + column) * y.stride + channel;
#pragma unroll 4
  for (int row = 0; row < kCropRows; ++row) {
    if (firstRow + row >= a.height) break;
    const int i = sourceRow + rowStep * row;
    const bool exists = hasColumn && i >= 0 && i < a.sourceHeight;
    const float value = exists ? centred(a, image, i, sourceColumn, channel) * inverseDeviation : 0.0f;
    to[row * (a.width * y.stride)] = fromFloat<T>(value);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads) augment(const __grid_constant__ Augmentation a, View<T> y) {
  const int column = blockIdx.x * blockDim.y + threadIdx.y;
  if (column >= a.width) return;
  const int firstRow = blockIdx.y * kCropRows;
  for (int64_t n = blockIdx.z; n < a.batch; n += gridDim.z) {
    const Place place = placeOf(a, n);
    const int64_t index = a.indices[n];
    const bool known = index >= 0 && index < a.count && isFinitePlace(place);
    const uint8_t* image = a.images + (known ? index : 0) * a.sourceHeight * int64_t{a.sourceWidth} * a.channels;
    for (int channel = threadIdx.x; channel < a.channels; channel += blockDim.x) {
      if (known && isCopy(place)) {
        copyPixels(a, place, image, n, firstRow, column, channel, y);
        continue;
      }
      T* to = y.data + ((n * a.height + firstRow) * a.width + column) * y.stride + channel;
      for (int row = 0; row < kCropRows && firstRow + row < a.height; ++row) {
        float value = notANumber();
        if (known) value = Sample(a, place, firstRow + row, column).of(a, image, channel) * a.inverseDeviation[channel];
        to[row * (a.width * y.stride)] = fromFloat<T>(value);
      }
    }
  }
}

// Samples pixel `at` of an image, counted row by row, and changes its brightness. An image of one channel has three equal ones.
__device__ __forceinline__ void brightPixel(const Augmentation& a, const Place& place, const uint8_t* image, int at,
                                            float brightness, float (&pixel)[3]) {
  const Sample sample(a, place, at / a.width, at % a.width);
#pragma unroll
  for (int channel = 0; channel < 3; ++channel) {
    const int own = a.channels == 3 ? channel : 0;
    pixel[channel] = asPixel(brightness * (sample.of(a, image, own) + a.mean[own]));
  }
}

// Writes the mean grey of each image to greys[n].
__global__ void __launch_bounds__(kThreads) meanGreys(const __grid_constant__ Augmentation a, float* greys) {
  const int pixels = a.height * a.width;
  for (int64_t n = blockIdx.x; n < a.batch; n += gridDim.x) {
    const Place place = placeOf(a, n);
    const int64_t index = a.indices[n];
    const bool known = index >= 0 && index < a.count && isFinitePlace(place);
    const uint8_t* image = a.images + (known ? index : 0) * a.sourceHeight * int64_t{a.sourceWidth} * a.channels;
    double sum = 0.0;
    for (int at = threadIdx.x; known && at < pixels; at += kThreads) {
      float pixel[3];
      brightPixel(a, place, image, at, a.colours[n].brightness, pixel);
      sum += a.channels == 3 ? greyOf(pixel[0], pixel[1], pixel[2]) : pixel[0];
    }
    sum = sumOfBlock(sum);
    if (threadIdx.x == 0) greys[n] = static_cast<float>(sum / pixels);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    augmentColours(const __grid_constant__ Augmentation a, const float* __restrict__ greys, View<T> y) {
  const int pixels = a.height * a.width;
  for (int64_t n = blockIdx.y; n < a.batch; n += gridDim.y) {
    const Place place = placeOf(a, n);
    const Colours colours = a.colours[n];
    const int64_t index = a.indices[n];
    const bool known = index >= 0 && index < a.count && isFinitePlace(place);
    const uint8_t* image = a.images + (known ? index : 0) * a.sourceHeight * int64_t{a.sourceWidth} * a.channels;
    for (int at = blockIdx.x * kThreads + threadIdx.x; at < pixels; at += gridDim.x * kThreads) {
      float pixel[3] = {};
      if (known) {
        brightPixel(a, place, image, at, colours.brightness, pixel);
        if (a.channels == 3) {
          adjustColours(pixel[0], pixel[1], pixel[2], colours, greys[n]);
          shiftHue(pixel[0], pixel[1], pixel[2], colours.hue);
        } else {
          pixel[0] = asPixel(colours.contrast * pixel[0] + (1.0f - colours.contrast) * greys[n]);
        }
      }
#pragma unroll
      for (int channel = 0; channel < 3; ++channel) {
        if (channel >= a.channels) break;
        const float value = (pixel[channel] - a.mean[channel]) * a.inverseDeviation[channel];
        y.data[(n * pixels + at) * y.stride + channel] = fromFloat<T>(known ? value : notANumber());
      }
    }
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    mix(const __grid_constant__ MixedImages images, View<const T> x, View<T> y) {
  const int64_t row = int64_t{images.width} * images.channels, size = row * images.height;
  for (int64_t n = blockIdx.y; n < images.batch; n += gridDim.y) {
    const Mixing mixing = images.mixes[n];
    const int partner = partnerOf(mixing, images.batch);
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < size; i += int64_t{gridDim.x} * kThreads) {
      const int h = static_cast<int>(i / row), w = static_cast<int>(i % row) / images.channels;
      const MixedColumns columns = mixedColumns(mixing, h, images.width);
      float value = toFloat(x.data[n * size + i]);
      if (w >= columns.first && w < columns.last) {
        if (partner == kWrongPartner) {
          value = notANumber();
        } else {
          value *= mixing.share;
          if (partner >= 0) value += (1.0f - mixing.share) * toFloat(x.data[partner * size + i]);
        }
      }
      y.data[n * size + i] = fromFloat<T>(value);
    }
  }
}

// The blocks that share an image.
unsigned blocksOf(int64_t elements) {
  return static_cast<unsigned>(std::min<int64_t>(ceilDivide(elements, kThreads), 64));
}

unsigned rowsOf(int64_t batch) { return static_cast<unsigned>(std::min<int64_t>(batch, 65535)); }

}  // namespace

void launchAugment(const Augmentation& a, float* greys, Rows y, cudaStream_t stream) {
  if (a.colours) {
    launch("meanGreys", meanGreys, dim3(rowsOf(a.batch)), dim3(kThreads), stream, a, greys);
    const dim3 grid(blocksOf(int64_t{a.height} * a.width), rowsOf(a.batch));
    return withStorage(y.dtype, [&](auto storage) {
      using T = typename decltype(storage)::Element;
      launch("augmentColours", augmentColours<T>, grid, dim3(kThreads), stream, a, greys, viewOf<T>(y));
    });
  }
  const int channels = std::min(a.channels, kThreads);
  const int64_t tiles = ceilDivide(a.width, kThreads / channels);
  const dim3 block(static_cast<unsigned>(channels), static_cast<unsigned>(ceilDivide(a.width, tiles)));
  const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>(ceilDivide(a.height, kCropRows)),
                  rowsOf(a.batch));
  withStorage(y.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    launch("augment", augment<T>, grid, block, stream, a, viewOf<T>(y));
  });
}

void launchMix(const MixedImages& images, ConstRows x, Rows y, cudaStream_t stream) {
  const dim3 grid(blocksOf(int64_t{images.height} * images.width * images.channels), rowsOf(images.batch));
  withStorage(y.dtype, [&](auto storage) {
    using T = typename decltype(storage)::Element;
    launch("mix", mix<T>, grid, dim3(kThreads), stream, images, viewOf<T>(x), viewOf<T>(y));
  });
}

}  // namespace saturnn::cuda
