// augment (from bytes to a batch of placed, coloured and normalised images) and mix (mixup, cutmix, erasing).
#include "cuda/kernels/augmentation.h"

#include "cuda/kernel.h"
#include "shared/augmentation_checks.h"

namespace saturnn::cuda {
namespace {

class Augment : public SnKernel {
 public:
  Augment(SnDevice& device, const Augmentation& augmentation, const SnTensor& y)
      : SnKernel(device), augmentation_(augmentation), y_(y) {}
  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    Augmentation augmentation = augmentation_;
    augmentation.images = static_cast<const uint8_t*>(inputs[0]);
    augmentation.indices = static_cast<const int32_t*>(inputs[1]);
    augmentation.places = static_cast<const Place*>(inputs[2]);
    augmentation.colours = static_cast<const Colours*>(inputs[3]);
    augmentation.mean = static_cast<const float*>(inputs[4]);
    augmentation.inverseDeviation = static_cast<const float*>(inputs[5]);
    launchAugment(augmentation, static_cast<float*>(scratch), rows(y_, outputs[0]), device.stream());
  }

 private:
  Augmentation augmentation_;
  SnTensor y_;
};

class MixImages : public SnKernel {
 public:
  MixImages(SnDevice& device, const SnTensor& x) : SnKernel(device), x_(x) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    const MixedImages images{static_cast<const Mixing*>(inputs[1]), x_.shape[0], static_cast<int32_t>(x_.shape[1]),
                             static_cast<int32_t>(x_.shape[2]), static_cast<int32_t>(x_.shape[3])};
    launchMix(images, constRows(x_, inputs[0]), rows(x_, outputs[0]), device.stream());
  }

 private:
  SnTensor x_;
};

}  // namespace

KernelPointer createAugment(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireAugmentation(op);
  const SnTensor &images = op.inputs[0], &y = op.outputs[0];
  requireFloats(y, "y");
  if (y.shape[1] > kLongestCrop) {
    throw Error("ERR_UNSUPPORTED", "Expected images of at most " + std::to_string(kLongestCrop) +
                                       " rows for y but received " + describe(y));
  }
  Augmentation augmentation{};
  augmentation.count = images.shape[0];
  augmentation.batch = y.shape[0];
  augmentation.sourceHeight = static_cast<int32_t>(images.shape[1]);
  augmentation.sourceWidth = static_cast<int32_t>(images.shape[2]);
  augmentation.height = static_cast<int32_t>(y.shape[1]);
  augmentation.width = static_cast<int32_t>(y.shape[2]);
  augmentation.channels = static_cast<int32_t>(y.shape[3]);
  augmentation.meanPerPixel = op.inputs[4].rank == 3;
  const auto greys = isPresent(op.inputs[3]) ? augmentation.batch * static_cast<int64_t>(sizeof(float)) : 0;
  setImplementation(info, "saturnn:augment", greys);
  return std::make_unique<Augment>(device, augmentation, y);
}

KernelPointer createMix(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireMixing(op);
  requireFloats(op.inputs[0], "x");
  setImplementation(info, "saturnn:mix");
  return std::make_unique<MixImages>(device, op.inputs[0]);
}

}  // namespace saturnn::cuda
