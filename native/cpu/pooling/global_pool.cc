// The mean over all pixels, and the largest of them, [N, H, W, C] -> [N, C], and their gradients.
#include "cpu/device/device.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"
#include "cpu/storage.h"

namespace saturnn::cpu {

namespace {

void requireVectors(const SnTensor& image, const SnTensor& vectors, const char* name, SnDType dtype = SN_F32) {
  requireDense(vectors, name, dtype);
  requireShape(vectors, name, {image.shape[0], image.shape[3]});
}

template <typename T>
class GlobalAveragePool final : public Kernel {
 public:
  GlobalAveragePool(const SnOpDesc& desc, Device& device) : simd_(*device.simd) {
    requireImage(desc.inputs[0], "x", storedAs<T>);
    requireVectors(desc.inputs[0], desc.outputs[0], "y");
    x_ = pixelRows(desc.inputs[0]);
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto* x = static_cast<const T*>(inputs[0]);
    auto* y = static_cast<float*>(outputs[0]);
    const float scale = 1.0f / static_cast<float>(x_.rows);
#pragma omp parallel for schedule(static)
    for (int64_t s = 0; s < x_.segments; ++s) {
      // In both layouts the segments, one after the other, fill the rows of y without gaps.
      imageLoops<T>(simd_).sumRows(x + x_.start(s), x_.pitch, x_.rows, x_.channels, scale, y + s * x_.channels);
    }
  }

 private:
  const SimdTable& simd_;
  Rows x_;
};

template <typename T>
class GlobalAveragePoolGradient final : public Kernel {
 public:
  GlobalAveragePoolGradient(const SnOpDesc& desc, Device& device) : simd_(*device.simd) {
    requireImage(desc.outputs[0], "dx", storedAs<T>);
    requireVectors(desc.outputs[0], desc.inputs[0], "dy");
    dx_ = pixelRows(desc.outputs[0]);
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto* dy = static_cast<const float*>(inputs[0]);
    auto* dx = static_cast<T*>(outputs[0]);
    const float scale = 1.0f / static_cast<float>(dx_.rows);
#pragma omp parallel for schedule(static)
    for (int64_t s = 0; s < dx_.segments; ++s) {
      imageLoops<T>(simd_).fillRows(dy + s * dx_.channels, scale, dx + dx_.start(s), dx_.pitch, dx_.rows, dx_.channels);
    }
  }

 private:
  const SimdTable& simd_;
  Rows dx_;
};

template <typename T>
class GlobalMaxPool final : public Kernel {
 public:
  GlobalMaxPool(const SnOpDesc& desc, Device& device) : simd_(*device.simd) {
    requireImage(desc.inputs[0], "x", storedAs<T>);
    requireVectors(desc.inputs[0], desc.outputs[0], "y");
    if (isPresent(desc.outputs[1])) requireVectors(desc.inputs[0], desc.outputs[1], "indices", SN_I32);
    x_ = pixelRows(desc.inputs[0]);
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto* x = static_cast<const T*>(inputs[0]);
    auto* y = static_cast<float*>(outputs[0]);
    auto* indices = static_cast<int32_t*>(outputs[1]);
#pragma omp parallel for schedule(static)
    for (int64_t s = 0; s < x_.segments; ++s) {
      imageLoops<T>(simd_).largestRow(x + x_.start(s), x_.pitch, x_.rows, x_.channels, y + s * x_.channels,
                                      indices ? indices + s * x_.channels : nullptr);
    }
  }

 private:
  const SimdTable& simd_;
  Rows x_;
};

template <typename T>
class GlobalMaxPoolGradient final : public Kernel {
 public:
  GlobalMaxPoolGradient(const SnOpDesc& desc, Device& device) : simd_(*device.simd) {
    requireImage(desc.outputs[0], "dx", storedAs<T>);
    requireVectors(desc.outputs[0], desc.inputs[0], "dy");
    requireVectors(desc.outputs[0], desc.inputs[1], "indices", SN_I32);
    dx_ = pixelRows(desc.outputs[0]);
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto* dy = static_cast<const float*>(inputs[0]);
    const auto* indices = static_cast<const int32_t*>(inputs[1]);
    auto* dx = static_cast<T*>(outputs[0]);
#pragma omp parallel for schedule(static)
    for (int64_t s = 0; s < dx_.segments; ++s) {
      imageLoops<T>(simd_).placeRow(dy + s * dx_.channels, indices + s * dx_.channels, dx + dx_.start(s), dx_.pitch,
                                    dx_.rows, dx_.channels);
    }
  }

 private:
  const SimdTable& simd_;
  Rows dx_;
};

}  // namespace

std::unique_ptr<Kernel> createGlobalAveragePool(const SnOpDesc& desc, Device& device) {
  return createFor<GlobalAveragePool>(desc.inputs[0], desc, device);
}

std::unique_ptr<Kernel> createGlobalAveragePoolGradient(const SnOpDesc& desc, Device& device) {
  return createFor<GlobalAveragePoolGradient>(desc.outputs[0], desc, device);
}

std::unique_ptr<Kernel> createGlobalMaxPool(const SnOpDesc& desc, Device& device) {
  return createFor<GlobalMaxPool>(desc.inputs[0], desc, device);
}

std::unique_ptr<Kernel> createGlobalMaxPoolGradient(const SnOpDesc& desc, Device& device) {
  return createFor<GlobalMaxPoolGradient>(desc.outputs[0], desc, device);
}

}  // namespace saturnn::cpu
