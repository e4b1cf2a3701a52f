// The mean over all pixels, [N, H, W, C] -> [N, C], and its gradient.
#include "cpu/device/device.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"
#include "cpu/storage.h"

namespace saturnn::cpu {

namespace {

void requireVectors(const SnTensor& image, const SnTensor& vectors, const char* name) {
  requireDense(vectors, name, SN_F32);
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

}  // namespace

std::unique_ptr<Kernel> createGlobalAveragePool(const SnOpDesc& desc, Device& device) {
  return createFor<GlobalAveragePool>(desc.inputs[0], desc, device);
}

std::unique_ptr<Kernel> createGlobalAveragePoolGradient(const SnOpDesc& desc, Device& device) {
  return createFor<GlobalAveragePoolGradient>(desc.outputs[0], desc, device);
}

}  // namespace saturnn::cpu
