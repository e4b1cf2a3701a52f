// Softmax cross-entropy with integer labels or target probabilities: the mean over the rows whose label is not negative
// (label -1 masks a row that only fills up the last batch). A label that is too large makes the loss NaN, which
// finiteCheck reports; it is never used as an index. With label smoothing e the target is 1 - e for the label, plus e
// spread evenly over all classes including the label. Target probabilities take the place of the label, which then only
// says whether the row counts. With weights, the loss of each row is multiplied by its weight; the mean still divides by
// the number of rows. A weight does not hide a loss that is not finite, because 0 times infinity is NaN.
//
// countCorrect: the number of rows whose label is among the k largest logits, the numerator of the top-k accuracy. Of
// equal logits the first counts as larger. Rows with a NaN, with label -1 or with a label beyond the classes are not
// counted.
#include "ops/attributes/classification.h"

#include <cmath>
#include <limits>

#include "cpu/device/device.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"

namespace saturnn::cpu {
namespace {

constexpr float notANumber = std::numeric_limits<float>::quiet_NaN();

int64_t countLabels(const int32_t* labels, int64_t rows) {
  int64_t count = 0;
  for (int64_t n = 0; n < rows; ++n) count += labels[n] >= 0;
  return count;
}

void requireRows(const SnTensor& rows, const char* name) {
  requireDense(rows, name, SN_F32);
  requireRank(rows, name, 2, "[batch, classes]");
}

// The optional inputs: weights of the rows, and target probabilities in the shape of the scores.
void requireOptional(const SnTensor& weights, const SnTensor& targets, const SnTensor& scores) {
  if (isPresent(weights)) requireVector(weights, "weights", SN_F32, scores.shape[0]);
  if (!isPresent(targets)) return;
  requireRows(targets, "targets");
  requireSameShape(targets, "targets", scores);
}

float smoothingOf(const SnOpDesc& desc) {
  const float smoothing = attributesOf<LossAttributes>(desc).labelSmoothing;
  if (!(smoothing >= 0.0f && smoothing < 1.0f)) {
    refuse("labelSmoothing", "a number from 0 to below 1", std::to_string(smoothing));
  }
  return smoothing;
}

class SoftmaxCrossEntropy final : public Kernel {
 public:
  SoftmaxCrossEntropy(const SnOpDesc& desc, Device& device) : simd_(*device.simd), smoothing_(smoothingOf(desc)) {
    requireRows(desc.inputs[0], "logits");
    rows_ = desc.inputs[0].shape[0];
    classes_ = desc.inputs[0].shape[1];
    requireVector(desc.inputs[1], "labels", SN_I32, rows_);
    requireOptional(desc.inputs[2], desc.inputs[3], desc.inputs[0]);
    requireVector(desc.outputs[0], "loss", SN_F32, 1);
    // The probabilities are always computed: into the scratch if the output is absent.
    if (isPresent(desc.outputs[1])) {
      requireRows(desc.outputs[1], "probabilities");
      requireSameShape(desc.outputs[1], "probabilities", desc.inputs[0]);
    } else {
      probabilities_ = reserveScratch(rows_ * classes_ * sizeof(float));
    }
    losses_ = reserveScratch(rows_ * sizeof(double));
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const auto* logits = static_cast<const float*>(inputs[0]);
    const auto* labels = static_cast<const int32_t*>(inputs[1]);
    const auto* weights = static_cast<const float*>(inputs[2]);
    const auto* targets = static_cast<const float*>(inputs[3]);
    auto* bytes = static_cast<char*>(scratch);
    auto* probabilities = static_cast<float*>(outputs[1] ? outputs[1] : bytes + probabilities_);
    auto* losses = reinterpret_cast<double*>(bytes + losses_);
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < rows_; ++n) {
      const float* x = logits + n * classes_;
      float* p = probabilities + n * classes_;
      float maximum;
      const float sum = simd_.exponentials(x, p, classes_, &maximum);
      simd_.scale(p, 1.0f / sum, classes_);
      const int32_t label = labels[n];
      if (label < 0) {
        losses[n] = 0.0;
      } else if (label >= classes_) {
        losses[n] = notANumber;
      } else {
        // Computed from the logits, so that the loss is finite even if the probability underflows.
        const double logSum = std::log(static_cast<double>(sum));
        losses[n] = targets ? softLoss(x, targets + n * classes_, logSum, maximum)
                            : logSum + (static_cast<double>(maximum) - target(x, label));
        if (weights) losses[n] *= weights[n];
      }
    }
    double total = 0.0;
    for (int64_t n = 0; n < rows_; ++n) total += losses[n];
    const int64_t count = countLabels(labels, rows_);
    *static_cast<float*>(outputs[0]) = count == 0 ? 0.0f : static_cast<float>(total / static_cast<double>(count));
  }

 private:
  // The logit that the loss increases: the label's, mixed with the mean of all logits by the label smoothing.
  double target(const float* x, int32_t label) const {
    if (smoothing_ == 0.0f) return x[label];
    double sum = 0.0;
    for (int64_t k = 0; k < classes_; ++k) sum += x[k];
    return (1.0 - smoothing_) * x[label] + smoothing_ * (sum / static_cast<double>(classes_));
  }

  // The loss of target probabilities t. A class without a share has no term, because 0 times infinity is NaN.
  double softLoss(const float* x, const float* t, double logSum, double maximum) const {
    const double everywhere = static_cast<double>(smoothing_) / static_cast<double>(classes_);
    double loss = 0.0;
    for (int64_t k = 0; k < classes_; ++k) {
      const double share = (1.0 - smoothing_) * t[k] + everywhere;
      if (share != 0.0) loss += share * (logSum + (maximum - x[k]));
    }
    return loss;
  }

  const SimdTable& simd_;
  const float smoothing_;
  int64_t rows_, classes_;
  size_t probabilities_ = 0, losses_;
};

class SoftmaxCrossEntropyGradient final : public Kernel {
 public:
  SoftmaxCrossEntropyGradient(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd), smoothing_(smoothingOf(desc)) {
    requireRows(desc.inputs[0], "probabilities");
    requireRows(desc.outputs[0], "dlogits");
    requireSameShape(desc.outputs[0], "dlogits", desc.inputs[0]);
    rows_ = desc.inputs[0].shape[0];
    classes_ = desc.inputs[0].shape[1];
    requireVector(desc.inputs[1], "labels", SN_I32, rows_);
    requireVector(desc.inputs[2], "dloss", SN_F32, 1);
    requireOptional(desc.inputs[3], desc.inputs[4], desc.inputs[0]);
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto* probabilities = static_cast<const float*>(inputs[0]);
    const auto* labels = static_cast<const int32_t*>(inputs[1]);
    const auto* weights = static_cast<const float*>(inputs[3]);
    const auto* targets = static_cast<const float*>(inputs[4]);
    auto* gradients = static_cast<float*>(outputs[0]);
    const float everywhere = smoothing_ / static_cast<float>(classes_);
    const float factor = *static_cast<const float*>(inputs[2]) / static_cast<float>(countLabels(labels, rows_));
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < rows_; ++n) {
      const float* p = probabilities + n * classes_;
      float* gradient = gradients + n * classes_;
      const int32_t label = labels[n];
      const bool usable = label >= 0 && label < classes_;
      for (int64_t k = 0; k < classes_; ++k) gradient[k] = usable ? p[k] - everywhere : label < 0 ? 0.0f : notANumber;
      if (!usable) continue;
      if (targets) {
        soften(p, targets + n * classes_, gradient);
      } else {
        gradient[label] -= 1.0f - smoothing_;
      }
      simd_.scale(gradient, weights ? factor * weights[n] : factor, classes_);
    }
  }

 private:
  // The gradient of a row with target probabilities t. Their sum need not be 1.
  void soften(const float* p, const float* t, float* gradient) const {
    double sum = 0.0;
    for (int64_t k = 0; k < classes_; ++k) sum += t[k];
    const auto whole = static_cast<float>((1.0 - smoothing_) * sum + smoothing_);
    const float everywhere = smoothing_ / static_cast<float>(classes_);
    for (int64_t k = 0; k < classes_; ++k) gradient[k] = p[k] * whole - ((1.0f - smoothing_) * t[k] + everywhere);
  }

  const SimdTable& simd_;
  const float smoothing_;
  int64_t rows_, classes_;
};

class CountCorrect final : public Kernel {
 public:
  explicit CountCorrect(const SnOpDesc& desc) : k_(attributesOf<CountCorrectAttributes>(desc).k) {
    if (k_ < 1) refuse("k", "at least 1", std::to_string(k_));
    requireRows(desc.inputs[0], "logits");
    rows_ = desc.inputs[0].shape[0];
    classes_ = desc.inputs[0].shape[1];
    requireVector(desc.inputs[1], "labels", SN_I32, rows_);
    requireVector(desc.outputs[0], "count", SN_F32, 1);
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

std::unique_ptr<Kernel> createSoftmaxCrossEntropy(const SnOpDesc& desc, Device& device) {
  return std::make_unique<SoftmaxCrossEntropy>(desc, device);
}

std::unique_ptr<Kernel> createSoftmaxCrossEntropyGradient(const SnOpDesc& desc, Device& device) {
  return std::make_unique<SoftmaxCrossEntropyGradient>(desc, device);
}

std::unique_ptr<Kernel> createCountCorrect(const SnOpDesc& desc, Device&) {
  return std::make_unique<CountCorrect>(desc);
}

}  // namespace saturnn::cpu
