// Max pooling and its gradient. The forward pass writes the position of each maximum in its window to a byte, so the
// gradient needs neither x nor y. If values are equal, the first in window order is the maximum, on every backend:
// saturated activations make ties frequent.
#include "cpu/device/device.h"
#include "cpu/kernel.h"
#include "cpu/pooling/pool.h"
#include "ops/attributes/pooling.h"

namespace saturnn::cpu {

namespace {

void requireIndices(const SnTensor& indices, const SnTensor& image, const char* name, const PoolAttributes& a) {
  requireImage(indices, "indices", SN_U8);
  requireSameShape(indices, "indices", image);
  if (!isDense(indices) || indices.layout != image.layout) {
    refuse("indices", std::string("a dense tensor in the layout of ") + name, describe(indices));
  }
  if (int64_t{a.kernelH} * a.kernelW > 256) {
    refuse("kernel", "a window of at most 256 pixels, which a byte can number",
           std::to_string(a.kernelH) + "x" + std::to_string(a.kernelW));
  }
}

template <typename T>
class MaxPool final : public Kernel {
 public:
  MaxPool(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd),
        pooling_(poolAttributesOf(desc, storedAs<T>, "x", "y"), desc.inputs[0], desc.outputs[0]),
        images_(poolImages(desc.inputs[0], desc.outputs[0])) {
    if (isPresent(desc.outputs[1])) {
      requireIndices(desc.outputs[1], desc.outputs[0], "y", attributesOf<PoolAttributes>(desc));
      indices_ = pixelRows(desc.outputs[1]);
    }
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    auto* indices = static_cast<uint8_t*>(outputs[1]);
    images_.forEachRow([&](int64_t s, int32_t h) {
      const int64_t indexRowPitch = pooling_.outputWidth * indices_.pitch;
      const PoolRow<T> row = images_.row(static_cast<const T*>(inputs[0]), static_cast<T*>(outputs[0]), s, h,
                                         pooling_.vertical.windows[h], pooling_.horizontal.windows.data(), nullptr);
      // Without indices a window may be so large that the number of a pixel in it exceeds an int: pixels are then not
      // numbered across rows.
      imageLoops<T>(simd_).maxPool({row, indices ? pooling_.kernelWidth : 0, pooling_.vertical.origins[h],
                                    pooling_.horizontal.origins.data(), nullptr,
                                    indices ? indices + indices_.start(s) + h * indexRowPitch : nullptr, indexRowPitch,
                                    indices_.pitch});
    });
  }

 private:
  const SimdTable& simd_;
  const Pooling pooling_;
  const PoolImages images_;
  Rows indices_ = flatRows(1);
};

template <typename T>
class MaxPoolGradient final : public Kernel {
 public:
  MaxPoolGradient(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd),
        pooling_(poolAttributesOf(desc, storedAs<T>, "dy", "dx"), desc.outputs[0], desc.inputs[0]),
        images_(poolImages(desc.inputs[0], desc.outputs[0])),
        sums_(images_) {
    requireIndices(desc.inputs[1], desc.inputs[0], "dy", attributesOf<PoolAttributes>(desc));
    reserveScratch(sums_.bytes(device));
    indices_ = pixelRows(desc.inputs[1]);
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    images_.forEachRow([&](int64_t s, int32_t h) {
      // The struct is used for both directions; this loop only reads the indices.
      auto* indices = static_cast<uint8_t*>(inputs[1]) + indices_.start(s);
      const PoolRow<T> row =
          images_.row(static_cast<const T*>(inputs[0]), static_cast<T*>(outputs[0]), s, h,
                      pooling_.vertical.covering[h], pooling_.horizontal.covering.data(), sums_.ofThisThread(scratch));
      imageLoops<T>(simd_).maxPoolGradient({row, pooling_.kernelWidth, h, pooling_.horizontal.origins.data(),
                                            pooling_.vertical.origins.data(), indices,
                                            pooling_.outputWidth * indices_.pitch, indices_.pitch});
    });
  }

 private:
  const SimdTable& simd_;
  const Pooling pooling_;
  const PoolImages images_;
  const PoolSums<T> sums_;
  Rows indices_;
};

}  // namespace

std::unique_ptr<Kernel> createMaxPool(const SnOpDesc& desc, Device& device) {
  return createFor<MaxPool>(desc.inputs[0], desc, device);
}

std::unique_ptr<Kernel> createMaxPoolGradient(const SnOpDesc& desc, Device& device) {
  return createFor<MaxPoolGradient>(desc.inputs[0], desc, device);
}

}  // namespace saturnn::cpu
