// The end of a classification: softmaxCrossEntropy and its gradient, and countCorrect.
#include "cuda/kernels/classification.h"

#include "cuda/kernel.h"
#include "ops/attributes/classification.h"

namespace saturnn::cuda {
namespace {

// The pointers are set at launch.
Classification classificationOf(const SnOpDesc& op, const char* argument) {
  const SnTensor& scores = op.inputs[0];
  requireDense(scores, argument, SN_F32);
  requireRank(scores, argument, 2, "[batch, classes]");
  requireVector(op.inputs[1], "labels", SN_I32, scores.shape[0]);
  return {nullptr, nullptr, nullptr, scores.shape[0], scores.shape[1]};
}

Classification withRows(Classification batch, const void* labels, const void* weights = nullptr,
                        const void* targets = nullptr) {
  batch.labels = static_cast<const int32_t*>(labels);
  batch.weights = static_cast<const float*>(weights);
  batch.targets = static_cast<const float*>(targets);
  return batch;
}

// The optional inputs: weights of the rows, and target probabilities in the shape of the scores.
void requireOptional(const SnTensor& weights, const SnTensor& targets, const SnTensor& scores) {
  if (isPresent(weights)) requireVector(weights, "weights", SN_F32, scores.shape[0]);
  if (!isPresent(targets)) return;
  requireDense(targets, "targets", SN_F32);
  requireSameShape(targets, "targets", scores);
}

float smoothingOf(const SnOpDesc& op) {
  const float smoothing = attributesOf<LossAttributes>(op).labelSmoothing;
  if (!(smoothing >= 0.0f && smoothing < 1.0f)) {
    refuse("labelSmoothing", "a number from 0 to below 1", std::to_string(smoothing));
  }
  return smoothing;
}

class SoftmaxCrossEntropy : public SnKernel {
 public:
  SoftmaxCrossEntropy(SnDevice& device, const Classification& batch, float smoothing)
      : SnKernel(device), batch_(batch), smoothing_(smoothing) {}
  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    launchSoftmaxCrossEntropy(withRows(batch_, inputs[1], inputs[2], inputs[3]), static_cast<const float*>(inputs[0]),
                              smoothing_, static_cast<float*>(outputs[0]), static_cast<float*>(outputs[1]),
                              static_cast<double*>(scratch), device.stream());
  }

 private:
  Classification batch_;
  float smoothing_;
};

class SoftmaxCrossEntropyGradient : public SnKernel {
 public:
  SoftmaxCrossEntropyGradient(SnDevice& device, const Classification& batch, float smoothing)
      : SnKernel(device), batch_(batch), smoothing_(smoothing) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    launchSoftmaxCrossEntropyGradient(withRows(batch_, inputs[1], inputs[3], inputs[4]),
                                      static_cast<const float*>(inputs[0]), static_cast<const float*>(inputs[2]),
                                      smoothing_, static_cast<float*>(outputs[0]), device.stream());
  }

 private:
  Classification batch_;
  float smoothing_;
};

class CountCorrect : public SnKernel {
 public:
  CountCorrect(SnDevice& device, const Classification& batch, int32_t k) : SnKernel(device), batch_(batch), k_(k) {}
  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    launchCountCorrect(withRows(batch_, inputs[1]), static_cast<const float*>(inputs[0]), k_,
                       static_cast<float*>(outputs[0]), static_cast<int32_t*>(scratch), device.stream());
  }

 private:
  Classification batch_;
  int32_t k_;
};

}  // namespace

KernelPointer createSoftmaxCrossEntropy(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const float smoothing = smoothingOf(op);
  const Classification batch = classificationOf(op, "logits");
  requireOptional(op.inputs[2], op.inputs[3], op.inputs[0]);
  requireVector(op.outputs[0], "loss", SN_F32, 1);
  if (isPresent(op.outputs[1])) {
    requireDense(op.outputs[1], "probabilities", SN_F32);
    requireSameShape(op.outputs[1], "probabilities", op.inputs[0]);
  }
  setImplementation(info, "saturnn:softmaxCrossEntropy", batch.rows * int64_t{sizeof(double)});
  return std::make_unique<SoftmaxCrossEntropy>(device, batch, smoothing);
}

KernelPointer createSoftmaxCrossEntropyGradient(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const float smoothing = smoothingOf(op);
  const Classification batch = classificationOf(op, "probabilities");
  requireVector(op.inputs[2], "dloss", SN_F32, 1);
  requireOptional(op.inputs[3], op.inputs[4], op.inputs[0]);
  requireDense(op.outputs[0], "dlogits", SN_F32);
  requireSameShape(op.outputs[0], "dlogits", op.inputs[0]);
  setImplementation(info, "saturnn:softmaxCrossEntropyGradient");
  return std::make_unique<SoftmaxCrossEntropyGradient>(device, batch, smoothing);
}

KernelPointer createCountCorrect(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const int32_t k = attributesOf<CountCorrectAttributes>(op).k;
  if (k < 1) refuse("k", "at least 1", std::to_string(k));
  const Classification batch = classificationOf(op, "logits");
  requireVector(op.outputs[0], "count", SN_F32, 1);
  setImplementation(info, "saturnn:countCorrect", batch.rows * int64_t{sizeof(int32_t)});
  return std::make_unique<CountCorrect>(device, batch, k);
}

}  // namespace saturnn::cuda
