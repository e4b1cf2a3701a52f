// Max and average pooling, the mean and the largest of all pixels ([N, H, W, C] -> f32 [N, C]), and their gradients. The
// forward max pooling writes the position of each maximum in its window to a byte, so the gradient needs neither x nor y.
#include "cuda/kernels/pooling.h"

#include "cuda/kernel.h"
#include "ops/attributes/pooling.h"
#include "shared/error.h"

namespace saturnn::cuda {
namespace {

void requireWindows(const char* axis, int64_t kernel, int64_t stride, int64_t pad, int64_t length, int64_t windows) {
  if (kernel < 1 || stride < 1 || pad < 0) {
    refuse(std::string("kernel, stride and pad of the ") + axis, "positive numbers and a pad of at least 0",
           std::to_string(kernel) + ", " + std::to_string(stride) + ", " + std::to_string(pad));
  }
  const int64_t last = (windows - 1) * stride - pad;
  if (pad >= kernel || last >= length) {
    refuse(std::string("the windows along the ") + axis, "a pixel of the " + std::to_string(length) + " in each",
           "windows that begin at " + std::to_string(-pad) + " ... " + std::to_string(last));
  }
}

// `before` is the larger image, which contains the windows; `after` has one element per window.
PoolShape poolShapeOf(const SnOpDesc& op, const char* beforeName, const SnTensor& before, const char* afterName,
                      const SnTensor& after) {
  requireFloats(before, beforeName);
  requireImage(before, beforeName);
  requireFloats(after, afterName);
  requireImage(after, afterName);
  requireSameDType(after, afterName, before);
  if (after.shape[0] != before.shape[0] || after.shape[3] != before.shape[3]) {
    refuse(afterName, std::string("the batch and channels of ") + beforeName + ", " + describe(before),
           describe(after));
  }
  PoolShape shape{};
  const auto given = attributesOf<PoolAttributes>(op);
  shape.windows = {given.kernelH, given.kernelW, given.strideH, given.strideW, given.padTop, given.padLeft, given.sum};
  shape.batch = before.shape[0];
  shape.channels = before.shape[3];
  if (before.shape[1] > kLongestPoolHeight) {
    throw Error("ERR_UNSUPPORTED", "Expected an image of at most " + std::to_string(kLongestPoolHeight) + " rows for " +
                                       beforeName + " but received " + describe(before));
  }
  shape.height = static_cast<int32_t>(before.shape[1]);
  shape.width = static_cast<int32_t>(before.shape[2]);
  shape.outputHeight = static_cast<int32_t>(after.shape[1]);
  shape.outputWidth = static_cast<int32_t>(after.shape[2]);
  const PoolWindows& w = shape.windows;
  requireWindows("height", w.kernelH, w.strideH, w.padTop, shape.height, shape.outputHeight);
  requireWindows("width", w.kernelW, w.strideW, w.padLeft, shape.width, shape.outputWidth);
  return shape;
}

void requireIndices(const SnTensor& indices, const SnTensor& image, const PoolShape& shape) {
  requireDense(indices, "indices", SN_U8);
  requireSameShape(indices, "indices", image);
  const PoolWindows& w = shape.windows;
  if (int64_t{w.kernelH} * w.kernelW > 256) {
    refuse("kernel", "a window of at most 256 pixels, which a byte can number",
           std::to_string(w.kernelH) + "x" + std::to_string(w.kernelW));
  }
}

class MaxPool : public SnKernel {
 public:
  MaxPool(SnDevice& device, const SnOpDesc& op, const PoolShape& shape)
      : SnKernel(device), shape_(shape), x_(op.inputs[0]), y_(op.outputs[0]) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    launchMaxPool(shape_, constRows(x_, inputs[0]), rows(y_, outputs[0]), static_cast<uint8_t*>(outputs[1]),
                  device.stream());
  }

 private:
  PoolShape shape_;
  SnTensor x_, y_;
};

class MaxPoolGradient : public SnKernel {
 public:
  MaxPoolGradient(SnDevice& device, const SnOpDesc& op, const PoolShape& shape)
      : SnKernel(device), shape_(shape), dy_(op.inputs[0]), dx_(op.outputs[0]) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    launchMaxPoolGradient(shape_, constRows(dy_, inputs[0]), static_cast<const uint8_t*>(inputs[1]),
                          rows(dx_, outputs[0]), device.stream());
  }

 private:
  PoolShape shape_;
  SnTensor dy_, dx_;
};

// Runs launchAveragePool or launchAveragePoolGradient: both read one image and write another.
class AveragePool : public SnKernel {
 public:
  using Launcher = void (*)(const PoolShape&, ConstRows, Rows, cudaStream_t);
  AveragePool(SnDevice& device, const SnOpDesc& op, const PoolShape& shape, Launcher launcher)
      : SnKernel(device), shape_(shape), launcher_(launcher), read_(op.inputs[0]), written_(op.outputs[0]) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    launcher_(shape_, constRows(read_, inputs[0]), rows(written_, outputs[0]), device.stream());
  }

 private:
  PoolShape shape_;
  Launcher launcher_;
  SnTensor read_, written_;
};

void requireImageAndVectors(const char* imageName, const SnTensor& image, const char* vectorsName,
                            const SnTensor& vectors) {
  requireFloats(image, imageName);
  requireImage(image, imageName);
  requireDense(vectors, vectorsName, SN_F32);
  requireShape(vectors, vectorsName, {image.shape[0], image.shape[3]});
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

class GlobalMaxPool : public SnKernel {
 public:
  GlobalMaxPool(SnDevice& device, const SnTensor& x) : SnKernel(device), x_(x) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    launchGlobalMaxPool(constRows(x_, inputs[0]), static_cast<float*>(outputs[0]), static_cast<int32_t*>(outputs[1]),
                        x_.shape[0], x_.shape[1] * x_.shape[2], x_.shape[3], device.stream());
  }

 private:
  SnTensor x_;
};

class GlobalMaxPoolGradient : public SnKernel {
 public:
  GlobalMaxPoolGradient(SnDevice& device, const SnTensor& dx) : SnKernel(device), dx_(dx) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    launchGlobalMaxPoolGradient(static_cast<const float*>(inputs[0]), static_cast<const int32_t*>(inputs[1]),
                                rows(dx_, outputs[0]), dx_.shape[0], dx_.shape[1] * dx_.shape[2], dx_.shape[3],
                                device.stream());
  }

 private:
  SnTensor dx_;
};

void requirePixels(const SnTensor& indices, const SnTensor& image) {
  requireDense(indices, "indices", SN_I32);
  requireShape(indices, "indices", {image.shape[0], image.shape[3]});
}

}  // namespace

KernelPointer createMaxPool(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const PoolShape shape = poolShapeOf(op, "x", op.inputs[0], "y", op.outputs[0]);
  if (isPresent(op.outputs[1])) requireIndices(op.outputs[1], op.outputs[0], shape);
  setImplementation(info, "saturnn:maxPool");
  return std::make_unique<MaxPool>(device, op, shape);
}

KernelPointer createMaxPoolGradient(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const PoolShape shape = poolShapeOf(op, "dx", op.outputs[0], "dy", op.inputs[0]);
  requireIndices(op.inputs[1], op.inputs[0], shape);
  setImplementation(info, "saturnn:maxPoolGradient");
  return std::make_unique<MaxPoolGradient>(device, op, shape);
}

KernelPointer createAveragePool(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const PoolShape shape = poolShapeOf(op, "x", op.inputs[0], "y", op.outputs[0]);
  setImplementation(info, "saturnn:averagePool");
  return std::make_unique<AveragePool>(device, op, shape, launchAveragePool);
}

KernelPointer createAveragePoolGradient(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const PoolShape shape = poolShapeOf(op, "dx", op.outputs[0], "dy", op.inputs[0]);
  setImplementation(info, "saturnn:averagePoolGradient");
  return std::make_unique<AveragePool>(device, op, shape, launchAveragePoolGradient);
}

KernelPointer createGlobalAveragePool(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireImageAndVectors("x", op.inputs[0], "y", op.outputs[0]);
  setImplementation(info, "saturnn:globalAveragePool");
  return std::make_unique<GlobalAveragePool>(device, op.inputs[0]);
}

KernelPointer createGlobalAveragePoolGradient(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireImageAndVectors("dx", op.outputs[0], "dy", op.inputs[0]);
  setImplementation(info, "saturnn:globalAveragePoolGradient");
  return std::make_unique<GlobalAveragePoolGradient>(device, op.outputs[0]);
}

KernelPointer createGlobalMaxPool(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireImageAndVectors("x", op.inputs[0], "y", op.outputs[0]);
  if (isPresent(op.outputs[1])) requirePixels(op.outputs[1], op.inputs[0]);
  setImplementation(info, "saturnn:globalMaxPool");
  return std::make_unique<GlobalMaxPool>(device, op.inputs[0]);
}

KernelPointer createGlobalMaxPoolGradient(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireImageAndVectors("dx", op.outputs[0], "dy", op.inputs[0]);
  requirePixels(op.inputs[1], op.outputs[0]);
  setImplementation(info, "saturnn:globalMaxPoolGradient");
  return std::make_unique<GlobalMaxPoolGradient>(device, op.outputs[0]);
}

}  // namespace saturnn::cuda
