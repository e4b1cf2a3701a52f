// accumulate: the sum of the gradients of the parts of a batch. The first part begins a new sum, whatever the old one is.
#include <cstring>

#include "cpu/device/device.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"
#include "cpu/storage.h"

namespace saturnn::cpu {

namespace {

class Accumulate final : public Kernel {
 public:
  Accumulate(const SnOpDesc& desc, Device& device) : loops_(imageLoops<float>(*device.simd)) {
    requireVector(desc.inputs[0], "adds", SN_I32, 1);
    const int64_t count = elementCount(desc.inputs[1]);
    requireVector(desc.inputs[1], "sum", SN_F32, count);
    requireVector(desc.inputs[2], "gradient", SN_F32, count);
    requireVector(desc.outputs[0], "total", SN_F32, count);
    chunks_ = Chunks(flatRows(count));
    setImplementation(simdImplementation(*device.simd));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const bool adds = *static_cast<const int32_t*>(inputs[0]) != 0;
    const auto* sum = static_cast<const float*>(inputs[1]);
    const auto* gradient = static_cast<const float*>(inputs[2]);
    auto* total = static_cast<float*>(outputs[0]);
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      const int64_t count = chunk.end - chunk.begin;
      const float* const terms[] = {sum + chunk.begin, gradient + chunk.begin};
      if (adds) {
        loops_.add(terms, 2, total + chunk.begin, count);
      } else {
        std::memcpy(total + chunk.begin, terms[1], static_cast<size_t>(count) * sizeof(float));
      }
    });
  }

 private:
  const ImageLoops<float>& loops_;
  Chunks chunks_;
};

}  // namespace

std::unique_ptr<Kernel> createAccumulate(const SnOpDesc& desc, Device& device) {
  return std::make_unique<Accumulate>(desc, device);
}

}  // namespace saturnn::cpu
