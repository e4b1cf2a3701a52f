// How many rows have their label among the k largest logits: the numerator of the top-k accuracy. Of equal logits the
// first comes first; rows with a NaN, masked rows (label -1) and labels beyond the classes count nothing.
#include "geometry.h"
#include "ops.h"

namespace saturnn {

namespace {

class CountCorrect final : public Kernel {
 public:
  explicit CountCorrect(const SnOpDesc& desc) : k_(attributesOf<SnCountCorrectAttributes>(desc).k) {
    require(k_ >= 1, "Expected k >= 1 but received " + std::to_string(k_));
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
    if (label < 0 || label >= classes_) return false;
    const float own = x[label];
    int64_t before = 0;
    for (int64_t c = 0; c < classes_; ++c) {
      if (x[c] != x[c]) return false;
      before += x[c] > own || (x[c] == own && c < label);
    }
    return before < k_;
  }

  const int32_t k_;
  int64_t rows_, classes_;
};

}  // namespace

std::unique_ptr<Kernel> createCountCorrect(const SnOpDesc& desc, Device&) {
  return std::make_unique<CountCorrect>(desc);
}

}  // namespace saturnn
