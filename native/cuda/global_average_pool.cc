// The mean over all pixels, [N, H, W, C] -> f32 [N, C], and its gradient.
#include "ops.h"

namespace saturnn {
namespace {

void requireImageAndMeans(const SnOpDesc& op, const char* imageName, const SnTensor& image, const char* meansName,
                          const SnTensor& means) {
  requireFloats(op, imageName, image);
  if (image.rank != 4) refuse(op, imageName, "[batch, height, width, channels]", describe(image));
  requireDense(op, meansName, means);
  requireShape(op, meansName, means, {image.shape[0], image.shape[3]});
}

class GlobalAveragePool : public SnKernel {
 public:
  GlobalAveragePool(SnDevice& device, const SnTensor& x) : SnKernel(device), x_(x) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    launchGlobalAveragePool(constRows(x_, inputs[0]), static_cast<float*>(outputs[0]), x_.shape[0],
                            x_.shape[1] * x_.shape[2], x_.shape[3], device.stream());
  }

 private:
  SnTensor x_;
};

class GlobalAveragePoolGradient : public SnKernel {
 public:
  GlobalAveragePoolGradient(SnDevice& device, const SnTensor& dx) : SnKernel(device), dx_(dx) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    launchGlobalAveragePoolGradient(static_cast<const float*>(inputs[0]), rows(dx_, outputs[0]), dx_.shape[0],
                                    dx_.shape[1] * dx_.shape[2], dx_.shape[3], device.stream());
  }

 private:
  SnTensor dx_;
};

}  // namespace

KernelPointer createGlobalAveragePool(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireImageAndMeans(op, "x", op.inputs[0], "y", op.outputs[0]);
  setImplementation(info, "saturnn:globalAveragePool");
  return std::make_unique<GlobalAveragePool>(device, op.inputs[0]);
}

KernelPointer createGlobalAveragePoolGradient(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireImageAndMeans(op, "dx", op.outputs[0], "dy", op.inputs[0]);
  setImplementation(info, "saturnn:globalAveragePoolGradient");
  return std::make_unique<GlobalAveragePoolGradient>(device, op.outputs[0]);
}

}  // namespace saturnn
