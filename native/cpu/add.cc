// The sum of two to eight tensors, in the order of the inputs; may be in place over the first.
#include "device.h"
#include "geometry.h"
#include "ops.h"

namespace saturnn {

namespace {

constexpr int32_t mostInputs = 8;

class Add final : public Kernel {
 public:
  Add(const SnOpDesc& desc, Device& device) : simd_(*device.simd), inputCount_(desc.input_count) {
    const SnTensor& y = desc.outputs[0];
    requireTensor(y, "y", SN_F32);
    bool allDense = isDense(y);
    y_ = elementRows(y);
    for (int32_t k = 0; k < inputCount_; ++k) {
      const std::string name = "input " + std::to_string(k);
      requireTensor(desc.inputs[k], name.c_str(), SN_F32);
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
        const float* x[mostInputs];
        for (int32_t k = 0; k < inputCount_; ++k) {
          x[k] = static_cast<const float*>(inputs[k]) + x_[k].start(chunk.segment) + row * x_[k].pitch;
        }
        float* y = static_cast<float*>(outputs[0]) + y_.start(chunk.segment) + row * y_.pitch;
        simd_.add(x, inputCount_, y, length);
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

std::unique_ptr<Kernel> createAdd(const SnOpDesc& desc, Device& device) { return std::make_unique<Add>(desc, device); }

}  // namespace saturnn
