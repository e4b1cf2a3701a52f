// The sum of two to eight tensors, in the order of the inputs; may be in place over the first.
#include "device.h"
#include "geometry.h"
#include "ops.h"
#include "storage.h"

namespace saturnn {

namespace {

constexpr int32_t mostInputs = 8;

template <typename T>
class Add final : public Kernel {
 public:
  Add(const SnOpDesc& desc, Device& device) : simd_(*device.simd), inputCount_(desc.input_count) {
    const SnTensor& y = desc.outputs[0];
    requireTensor(y, "y", storedAs<T>);
    bool allDense = isDense(y);
    y_ = elementRows(y);
    for (int32_t k = 0; k < inputCount_; ++k) {
      const std::string name = "input " + std::to_string(k);
      requireTensor(desc.inputs[k], name.c_str(), storedAs<T>);
      requireSameShape(y, "y", desc.inputs[k], name.c_str());
      x_[k] = elementRows(desc.inputs[k]);
      requireSameRows(y_, "y", x_[k], name.c_str());
      allDense = allDense && isDense(desc.inputs[k]);
    }
    if (allDense) {
      y_ = flatRows(elementCount(y));
      for (int32_t k = 0; k < inputCount_; ++k) x_[k] = y_;
    }
    gapless_ = y_.dense();
    for (int32_t k = 0; k < inputCount_; ++k) gapless_ = gapless_ && x_[k].dense();
    chunks_ = Chunks(y_);
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      const int64_t rows = chunk.end - chunk.begin;
      const int64_t runs = gapless_ ? 1 : rows;
      const int64_t length = gapless_ ? rows * y_.channels : y_.channels;
      for (int64_t run = 0; run < runs; ++run) {
        const int64_t row = chunk.begin + run;
        const T* x[mostInputs];
        for (int32_t k = 0; k < inputCount_; ++k) {
          x[k] = static_cast<const T*>(inputs[k]) + x_[k].start(chunk.segment) + row * x_[k].pitch;
        }
        T* y = static_cast<T*>(outputs[0]) + y_.start(chunk.segment) + row * y_.pitch;
        imageLoops<T>(simd_).add(x, inputCount_, y, length);
      }
    });
  }

 private:
  const SimdTable& simd_;
  const int32_t inputCount_;
  Rows y_, x_[mostInputs];
  bool gapless_;
  Chunks chunks_;
};

}  // namespace

std::unique_ptr<Kernel> createAdd(const SnOpDesc& desc, Device& device) {
  return createFor<Add>(desc.outputs[0], desc, device);
}

}  // namespace saturnn
