// Operations on a convolution's result before it is written, as pointwise operations of cuDNN's graph: bias and
// activation of the forward pass, the activation's derivative in the data gradient.
#pragma once

#include <cstddef>
#include <vector>

#include "cuda/cudnn/api.h"
#include "shared/backend.h"

namespace saturnn::cuda {

// Forward: y = f(conv + bias), with a bias of [o] floats and an activation of native/activations.def, each optional. Data
// gradient: dx = conv f'(x), where x = f(...) is the output of the layer before, which this convolution has read. With
// it the gradient of that layer's bias, [c] floats, the sum of dx over all pixels, which no plan computes.
struct ConvEpilogue {
  bool bias = false;
  int activation = SN_NO_ACTIVATION;
  float slope = 0.0f;

  bool isEmpty() const { return !bias && activation == SN_NO_ACTIVATION; }
};

// An operand of a step: a tensor, or one number.
struct StepOperand {
  enum Kind { none, convolution, bias, activated, step, scalar };
  Kind kind = none;
  size_t index = 0;    // index of the step whose result it is
  float value = 0.0f;  // value of the scalar
};

// One element-wise operation: mode(x), mode(x, b) or mode(x, b, t). x must not be a scalar, because it gives the shape.
struct ConvStep {
  cudnnPointwiseMode_t mode;
  StepOperand x, b, t;
  float slope = 0.0f;    // for CUDNN_POINTWISE_RELU_FWD: the factor on x < 0
  bool isTruth = false;  // for a comparison: the result is a boolean instead of the number 1 or 0
};

// Whether there is something to fuse, and native/activations.def has a way of cuDNN's for the activation.
bool isFusible(const ConvEpilogue& epilogue);

// Returns the steps in execution order; the last gives the result. `isBf16`: the result is rounded to bf16.
std::vector<ConvStep> forwardSteps(const ConvEpilogue& epilogue, bool isBf16);
std::vector<ConvStep> dataGradientSteps(const ConvEpilogue& epilogue);

}  // namespace saturnn::cuda
