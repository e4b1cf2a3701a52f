// Average pooling and its gradient: the mean over the window clipped at the image's edges, so padding is not counted.
// Own kernels, because oneDNN's backward pass is many times slower, and because these read and write channel slices.
#include "device.h"
#include "ops.h"
#include "pool.h"

namespace saturnn {

namespace {

class AveragePool final : public Kernel {
 public:
  AveragePool(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd), pooling_(poolAttributesOf(desc, "x", "y"), desc.inputs[0], desc.outputs[0]) {
    images_ = poolImages(desc.inputs[0], desc.outputs[0]);
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    images_.forEachRow([&](int64_t s, int32_t h) {
      simd_.averagePool({images_.row(static_cast<const float*>(inputs[0]), static_cast<float*>(outputs[0]), s, h,
                                     pooling_.vertical.windows[h], pooling_.horizontal.windows.data()),
                         &pooling_.vertical.weights[h], pooling_.horizontal.weights.data()});
    });
  }

 private:
  const SimdTable& simd_;
  const Pooling pooling_;
  PoolImages images_;
};

class AveragePoolGradient final : public Kernel {
 public:
  AveragePoolGradient(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd), pooling_(poolAttributesOf(desc, "dy", "dx"), desc.outputs[0], desc.inputs[0]) {
    images_ = poolImages(desc.inputs[0], desc.outputs[0]);
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    images_.forEachRow([&](int64_t s, int32_t h) {
      const PoolRow row = images_.row(static_cast<const float*>(inputs[0]), static_cast<float*>(outputs[0]), s, h,
                                      pooling_.vertical.covering[h], pooling_.horizontal.covering.data());
      simd_.averagePoolGradient({row, pooling_.vertical.weights.data(), pooling_.horizontal.weights.data()});
    });
  }

 private:
  const SimdTable& simd_;
  const Pooling pooling_;
  PoolImages images_;
};

}  // namespace

std::unique_ptr<Kernel> createAveragePool(const SnOpDesc& desc, Device& device) {
  return std::make_unique<AveragePool>(desc, device);
}

std::unique_ptr<Kernel> createAveragePoolGradient(const SnOpDesc& desc, Device& device) {
  return std::make_unique<AveragePoolGradient>(desc, device);
}

}  // namespace saturnn
