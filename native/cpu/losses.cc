// elementLoss: the mean of a loss of every element of a prediction, over the rows whose label is not negative (label -1
// masks a row that only fills up the last batch) and over their columns. With weights, the losses of each row are
// multiplied by its weight; the mean still divides by the number of rows. A weight does not hide a loss that is not
// finite, because 0 times infinity is NaN. The order of the sum is fixed.
#include "cpu/kernel.h"
#include "shared/loss_checks.h"

namespace saturnn::cpu {
namespace {

int64_t countRows(const int32_t* labels, int64_t rows) {
  if (!labels) return rows;
  int64_t count = 0;
  for (int64_t n = 0; n < rows; ++n) count += labels[n] >= 0;
  return count;
}

class ElementLoss final : public Kernel {
 public:
  explicit ElementLoss(const SnOpDesc& desc) : shape_(requireLoss(desc, desc.inputs[2], desc.inputs[3])) {
    requireVector(desc.outputs[0], "loss", SN_F32, 1);
    reserveScratch(shape_.rows * sizeof(double));
    setImplementation("saturnn:scalar");
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const auto *x = static_cast<const float*>(inputs[0]), *t = static_cast<const float*>(inputs[1]);
    const auto* labels = static_cast<const int32_t*>(inputs[2]);
    const auto* weights = static_cast<const float*>(inputs[3]);
    auto* losses = static_cast<double*>(scratch);
    const int64_t rows = shape_.rows;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < rows; ++n) losses[n] = labels && labels[n] < 0 ? 0.0 : lossOf(x, t, weights, n);
    double total = 0.0;
    for (int64_t n = 0; n < rows; ++n) total += losses[n];
    const int64_t count = countRows(labels, rows) * shape_.columns;
    *static_cast<float*>(outputs[0]) = count == 0 ? 0.0f : static_cast<float>(total / static_cast<double>(count));
  }

 private:
  double lossOf(const float* x, const float* t, const float* weights, int64_t row) const {
    double sum = 0.0;
    for (int64_t i = row * shape_.columns; i < (row + 1) * shape_.columns; ++i) {
      sum += elementLoss(shape_.kind, x[i], t ? t[i] : 0.0f);
    }
    return weights ? sum * weights[row] : sum;
  }

  const LossShape shape_;
};

class ElementLossGradient final : public Kernel {
 public:
  explicit ElementLossGradient(const SnOpDesc& desc) : shape_(requireLoss(desc, desc.inputs[3], desc.inputs[4])) {
    requireVector(desc.inputs[2], "dloss", SN_F32, 1);
    requireDense(desc.outputs[0], "dprediction", SN_F32);
    requireSameShape(desc.outputs[0], "dprediction", desc.inputs[0]);
    setImplementation("saturnn:scalar");
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto *x = static_cast<const float*>(inputs[0]), *t = static_cast<const float*>(inputs[1]);
    const auto* labels = static_cast<const int32_t*>(inputs[3]);
    const auto* weights = static_cast<const float*>(inputs[4]);
    auto* gradients = static_cast<float*>(outputs[0]);
    const int64_t count = countRows(labels, shape_.rows) * shape_.columns;
    const float factor = *static_cast<const float*>(inputs[2]) / static_cast<float>(count);
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < shape_.rows; ++n) {
      const bool counts = !labels || labels[n] >= 0;
      const float scale = weights ? factor * weights[n] : factor;
      for (int64_t i = n * shape_.columns; i < (n + 1) * shape_.columns; ++i) {
        gradients[i] = counts ? scale * elementLossSlope(shape_.kind, x[i], t ? t[i] : 0.0f) : 0.0f;
      }
    }
  }

 private:
  const LossShape shape_;
};

}  // namespace

std::unique_ptr<Kernel> createElementLoss(const SnOpDesc& desc, Device&) { return std::make_unique<ElementLoss>(desc); }

std::unique_ptr<Kernel> createElementLossGradient(const SnOpDesc& desc, Device&) {
  return std::make_unique<ElementLossGradient>(desc);
}

}  // namespace saturnn::cpu
