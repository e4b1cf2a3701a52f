// mix: mixes each image of a batch with another one, within a rectangle: mixup, cutmix, erasing.
#include <algorithm>
#include <limits>

#include "cpu/device/device.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"
#include "cpu/storage.h"
#include "shared/augmentation_checks.h"

namespace saturnn::cpu {

namespace {

template <typename T>
class MixImages final : public Kernel {
 public:
  MixImages(const SnOpDesc& desc, Device& device) : loops_(imageLoops<T>(*device.simd)) {
    const SnTensor& x = desc.inputs[0];
    requireImage(x, "x", storedAs<T>);
    requireMixing(desc);
    batch_ = x.shape[0];
    height_ = x.shape[1];
    width_ = x.shape[2];
    channels_ = x.shape[3];
    setImplementation(simdImplementation(*device.simd));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto* x = static_cast<const T*>(inputs[0]);
    const auto* mixes = static_cast<const Mixing*>(inputs[1]);
    auto* y = static_cast<T*>(outputs[0]);
    const int64_t row = width_ * channels_, image = height_ * row;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < batch_; ++n) {
      for (int64_t h = 0; h < height_; ++h) {
        const MixedColumns columns = mixedColumns(mixes[n], static_cast<int32_t>(h), static_cast<int32_t>(width_));
        const float share = mixes[n].share;
        const int64_t partner = partnerOf(mixes[n], batch_), begin = n * image + h * row;
        std::copy(x + begin, x + begin + columns.first * channels_, y + begin);
        std::copy(x + begin + columns.last * channels_, x + begin + row, y + begin + columns.last * channels_);
        const int64_t offset = columns.first * channels_, count = (columns.last - columns.first) * channels_;
        const T* own = x + begin + offset;
        T* mixed = y + begin + offset;
        if (partner == kNoPartner) {
          loops_.mix(own, share, own, 0.0f, mixed, count);
        } else if (partner == kWrongPartner) {
          std::fill(mixed, mixed + count, narrow<T>(notANumber));
        } else {
          loops_.mix(own, share, x + partner * image + h * row + offset, 1.0f - share, mixed, count);
        }
      }
    }
  }

 private:
  static constexpr float notANumber = std::numeric_limits<float>::quiet_NaN();

  const ImageLoops<T>& loops_;
  int64_t batch_, height_, width_, channels_;
};

}  // namespace

std::unique_ptr<Kernel> createMix(const SnOpDesc& desc, Device& device) {
  return createFor<MixImages>(desc.outputs[0], desc, device);
}

}  // namespace saturnn::cpu
