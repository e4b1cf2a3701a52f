// From bytes to a batch: picks the images of the batch, crops (and mirrors) them, and normalises every channel. A mean
// image is subtracted where its pixel lies in the whole image, so it is cropped and mirrored with it.
#include "../../crop.h"
#include "rows.cuh"

namespace saturnn {
namespace {

constexpr int kCropRows = 8;  // per thread, which draws its image's crop once for all of them

template <class T>
__global__ void __launch_bounds__(kThreads)
    augment(const __grid_constant__ Augmentation a, View<T> y) {
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

}  // namespace saturnn
