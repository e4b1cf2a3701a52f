// augment: selects the images of a batch from a data set of bytes, crops and mirrors them, and normalises every
// channel. A mean image is indexed by the pixel's place in the whole image, so it is cropped and mirrored with it.
// Random numbers come from Philox with the index in the batch and the step as its counter, so the same seed gives the
// same images on every device.
#include <limits>

#include "cpu/device/device.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"
#include "cpu/storage.h"
#include "ops/data.h"
#include "shared/crop.h"

namespace saturnn::cpu {

namespace {

template <typename T>
class Augment final : public Kernel {
 public:
  Augment(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd), random_(attributesOf<AugmentAttributes>(desc).random != 0) {
    const SnTensor &images = desc.inputs[0], &y = desc.outputs[0];
    requireImage(images, "images", SN_U8);
    requireDense(images, "images");
    requireImage(y, "y", storedAs<T>);
    requireDense(y, "y");
    images_ = images.shape[0];
    height_ = images.shape[1];
    width_ = images.shape[2];
    batch_ = y.shape[0];
    outputHeight_ = y.shape[1];
    outputWidth_ = y.shape[2];
    channels_ = y.shape[3];
    if (images.shape[3] != channels_ || outputHeight_ > height_ || outputWidth_ > width_) {
      refuse("y", "crops of images, " + describe(images) + ",", describe(y));
    }
    requireVector(desc.inputs[1], "indices", SN_I32, batch_);
    if (random_) requireVector(desc.inputs[2], "counter", SN_I32, 2);
    meanPerPixel_ = desc.inputs[3].rank == 3;
    if (meanPerPixel_) {
      requireDense(desc.inputs[3], "mean", SN_F32);
      requireShape(desc.inputs[3], "mean", {height_, width_, channels_});
    } else {
      requireVector(desc.inputs[3], "mean", SN_F32, channels_);
    }
    requireVector(desc.inputs[4], "inverseDeviation", SN_F32, channels_);
    rowLength_ = outputWidth_ * channels_;
    if (!meanPerPixel_) mean_ = reserveScratch(rowLength_ * sizeof(float));
    inverseDeviation_ = reserveScratch(rowLength_ * sizeof(float));
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const auto* images = static_cast<const uint8_t*>(inputs[0]);
    const auto* indices = static_cast<const int32_t*>(inputs[1]);
    const auto* counter = static_cast<const int32_t*>(inputs[2]);
    auto* y = static_cast<T*>(outputs[0]);
    const auto* mean = static_cast<const float*>(inputs[3]);
    auto* meanRow = meanPerPixel_ ? nullptr : reinterpret_cast<float*>(static_cast<char*>(scratch) + mean_);
    auto* inverseDeviation = reinterpret_cast<float*>(static_cast<char*>(scratch) + inverseDeviation_);
    for (int64_t i = 0; i < rowLength_; ++i) {
      if (!meanPerPixel_) meanRow[i] = mean[i % channels_];
      inverseDeviation[i] = static_cast<const float*>(inputs[4])[i % channels_];
    }
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < batch_; ++n) {
      for (int64_t h = 0; h < outputHeight_; ++h) {
        T* row = y + (n * outputHeight_ + h) * rowLength_;
        const int64_t image = indices[n];
        if (image < 0 || image >= images_) {
          for (int64_t i = 0; i < rowLength_; ++i) row[i] = narrow<T>(std::numeric_limits<float>::quiet_NaN());
          continue;
        }
        const Crop crop = cropOf(n, counter);
        const int64_t begin = ((crop.top + h) * width_ + crop.left) * channels_;
        imageLoops<T>(simd_).augment({images + image * height_ * width_ * channels_ + begin,
                                      meanPerPixel_ ? mean + begin : meanRow, inverseDeviation, row, outputWidth_,
                                      channels_, crop.mirror});
      }
    }
  }

 private:
  Crop cropOf(int64_t n, const int32_t* counter) const {
    const auto spareRows = static_cast<int32_t>(height_ - outputHeight_);
    const auto spareColumns = static_cast<int32_t>(width_ - outputWidth_);
    return random_ ? drawCrop(n, counter, spareRows, spareColumns) : centreCrop(spareRows, spareColumns);
  }

  const SimdTable& simd_;
  const bool random_;
  int64_t images_, height_, width_, batch_, outputHeight_, outputWidth_, channels_, rowLength_;
  bool meanPerPixel_;
  size_t mean_ = 0, inverseDeviation_;
};

}  // namespace

std::unique_ptr<Kernel> createAugment(const SnOpDesc& desc, Device& device) {
  return createFor<Augment>(desc.outputs[0], desc, device);
}

}  // namespace saturnn::cpu
