// How many rows have their largest logit at the label: the numerator of the accuracy. The first of equal logits counts;
// rows with a NaN, and masked rows (label -1), count nothing.
#include "geometry.h"
#include "ops.h"

namespace saturnn {

namespace {

class CountCorrect final : public Kernel {
 public:
  explicit CountCorrect(const SnOpDesc& desc) {
    requireTensor(desc.inputs[0], "logits", SN_F32);
    requireDense(desc.inputs[0], "logits");
    require(desc.inputs[0].rank == 2,
            "Expected [batch, classes] for logits but received " + describe(desc.inputs[0]));
    rows_ = desc.inputs[0].shape[0];
    classes_ = desc.inputs[0].shape[1];
    requireCount(desc.inputs[1], "labels", SN_I32, rows_);
    requireCount(desc.outputs[0], "count", SN_F32, 1);
    setImplementation("saturnn:scalar");
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto* logits = static_cast<const float*>(inputs[0]);
    const auto* labels = static_cast<const int32_t*>(inputs[1]);
    int64_t correct = 0;
#pragma omp parallel for schedule(static) reduction(+ : correct)
    for (int64_t n = 0; n < rows_; ++n) correct += isCorrect(logits + n * classes_, labels[n]);
    *static_cast<float*>(outputs[0]) = static_cast<float>(correct);
  }

 private:
  bool isCorrect(const float* x, int32_t label) const {
    int64_t best = 0;
    for (int64_t k = 0; k < classes_; ++k) {
      if (x[k] != x[k]) return false;
      if (x[k] > x[best]) best = k;
    }
    return best == label;
  }

  int64_t rows_, classes_;
};

}  // namespace

std::unique_ptr<Kernel> createCountCorrect(const SnOpDesc& desc, Device&) {
  return std::make_unique<CountCorrect>(desc);
}

}  // namespace saturnn
