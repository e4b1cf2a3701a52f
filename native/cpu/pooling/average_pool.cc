// Average pooling and its gradient: the mean over the window clipped at the image's edges, so padding is not counted.
// oneDNN is not used: its backward pass is many times slower, and these kernels also read and write channel slices.
#include "cpu/device/device.h"
#include "cpu/kernel.h"
#include "cpu/pooling/pool.h"

namespace saturnn::cpu {

namespace {

template <typename T>
class AveragePool final : public Kernel {
 public:
  AveragePool(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd),
        pooling_(poolAttributesOf(desc, storedAs<T>, "x", "y"), desc.inputs[0], desc.outputs[0]),
        images_(poolImages(desc.inputs[0], desc.outputs[0])),
        sums_(images_) {
    reserveScratch(sums_.bytes(device));
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    images_.forEachRow([&](int64_t s, int32_t h) {
      const PoolRow<T> row =
          images_.row(static_cast<const T*>(inputs[0]), static_cast<T*>(outputs[0]), s, h, pooling_.vertical.windows[h],
                      pooling_.horizontal.windows.data(), sums_.ofThisThread(scratch));
      imageLoops<T>(simd_).averagePool({row, &pooling_.vertical.weights[h], pooling_.horizontal.weights.data()});
    });
  }

 private:
  const SimdTable& simd_;
  const Pooling pooling_;
  const PoolImages images_;
  const PoolSums<T> sums_;
};

template <typename T>
class AveragePoolGradient final : public Kernel {
 public:
  AveragePoolGradient(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd),
        pooling_(poolAttributesOf(desc, storedAs<T>, "dy", "dx"), desc.outputs[0], desc.inputs[0]),
        images_(poolImages(desc.inputs[0], desc.outputs[0])),
        sums_(images_) {
    reserveScratch(sums_.bytes(device));
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    images_.forEachRow([&](int64_t s, int32_t h) {
      const PoolRow<T> row =
          images_.row(static_cast<const T*>(inputs[0]), static_cast<T*>(outputs[0]), s, h,
                      pooling_.vertical.covering[h], pooling_.horizontal.covering.data(), sums_.ofThisThread(scratch));
      imageLoops<T>(simd_).averagePoolGradient(
          {row, pooling_.vertical.weights.data(), pooling_.horizontal.weights.data()});
    });
  }

 private:
  const SimdTable& simd_;
  const Pooling pooling_;
  const PoolImages images_;
  const PoolSums<T> sums_;
};

}  // namespace

std::unique_ptr<Kernel> createAveragePool(const SnOpDesc& desc, Device& device) {
  return createFor<AveragePool>(desc.inputs[0], desc, device);
}

std::unique_ptr<Kernel> createAveragePoolGradient(const SnOpDesc& desc, Device& device) {
  return createFor<AveragePoolGradient>(desc.inputs[0], desc, device);
}

}  // namespace saturnn::cpu
