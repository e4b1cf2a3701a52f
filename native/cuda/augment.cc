// From bytes to a batch of normalised crops.
#include "../error.h"
#include "ops.h"

namespace saturnn {
namespace {

class Augment : public SnKernel {
 public:
  Augment(SnDevice& device, const Augmentation& augmentation, bool random, const SnTensor& y)
      : SnKernel(device), augmentation_(augmentation), random_(random), y_(y) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    Augmentation augmentation = augmentation_;
    augmentation.images = static_cast<const uint8_t*>(inputs[0]);
    augmentation.indices = static_cast<const int32_t*>(inputs[1]);
    augmentation.counter = random_ ? static_cast<const int32_t*>(inputs[2]) : nullptr;
    augmentation.mean = static_cast<const float*>(inputs[3]);
    augmentation.inverseDeviation = static_cast<const float*>(inputs[4]);
    launchAugment(augmentation, rows(y_, outputs[0]), device.stream());
  }

 private:
  Augmentation augmentation_;
  bool random_;
  SnTensor y_;
};

void requireCrop(const SnOpDesc& op, const SnTensor& images, const SnTensor& y) {
  if (images.dtype != SN_U8 || images.rank != 4 || !isDense(images)) {
    refuse(op, "images", "a dense u8 tensor [images, height, width, channels]", describe(images));
  }
  requirePlain(op, "images", images);
  requireFloats(op, "y", y);
  if (y.rank != 4 || y.shape[1] > images.shape[1] || y.shape[2] > images.shape[2] || y.shape[3] != images.shape[3]) {
    refuse(op, "y", "crops of images, " + describe(images) + ",", describe(y));
  }
  if (y.shape[1] > kLongestCrop) {
    throw Error("ERR_UNSUPPORTED", std::string("[") + op.name + "] Expected crops of at most " +
                                       std::to_string(kLongestCrop) + " rows but received " + describe(y));
  }
}

}  // namespace

KernelPointer createAugment(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const bool random = attributesOf<SnAugmentAttributes>(op).random != 0;
  const SnTensor &images = op.inputs[0], &mean = op.inputs[3], &y = op.outputs[0];
  requireCrop(op, images, y);
  requireI32(op, "indices", op.inputs[1], y.shape[0]);
  if (random) requireI32(op, "counter", op.inputs[2], 2);
  requireDense(op, "mean", mean);
  if (mean.rank == 3) {
    requireShape(op, "mean", mean, {images.shape[1], images.shape[2], images.shape[3]});
  } else {
    requireVector(op, "mean", mean, images.shape[3]);
  }
  requireVector(op, "inverseDeviation", op.inputs[4], images.shape[3]);
  Augmentation augmentation{};
  augmentation.count = images.shape[0];
  augmentation.batch = y.shape[0];
  augmentation.height = static_cast<int32_t>(images.shape[1]);
  augmentation.width = static_cast<int32_t>(images.shape[2]);
  augmentation.cropHeight = static_cast<int32_t>(y.shape[1]);
  augmentation.cropWidth = static_cast<int32_t>(y.shape[2]);
  augmentation.channels = static_cast<int32_t>(y.shape[3]);
  augmentation.meanPerPixel = mean.rank == 3;
  setImplementation(info, "saturnn:augment");
  return std::make_unique<Augment>(device, augmentation, random, y);
}

}  // namespace saturnn
