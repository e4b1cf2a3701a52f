// What happens to a convolution's result before it is written, as pointwise operations of cuDNN's graph: bias and
// activation of the forward pass, the activation's derivative of the data gradient.
#pragma once

#include <cstddef>
#include <vector>

#include "cuda/cudnn/api.h"
#include "shared/backend.h"

namespace saturnn::cuda {

// Forward: y = f(conv + bias), with a bias of [o] floats and an activation of native/activations.def, each optional. Data
// gradient: dx = conv f'(x), where x = f(...) is what the layer before gave, and this convolution has read; with the
// gradient of that layer's bias, [c] floats, the sum of dx over all pixels, which no plan makes.
struct ConvEpilogue {
  bool bias = false;
  int activation = SN_NO_ACTIVATION;
  float slope = 0.0f;

  bool isEmpty() const { return !bias && activation == SN_NO_ACTIVATION; }
};

// What a step reads: a tensor, or one number.
struct StepOperand {
  enum Kind { none, convolution, bias, activated, step, scalar };
  Kind kind = none;
  size_t index = 0;    // of the step whose result it is
  float value = 0.0f;  // of the scalar
};

// One operation on every element: mode(x), mode(x, b) or mode(x, b, t). x is never a scalar: it says the shape.
struct ConvStep {
  cudnnPointwiseMode_t mode;
  StepOperand x, b, t;
  float slope = 0.0f;  // of CUDNN_POINTWISE_RELU_FWD: below 0
  bool isTruth = false;  // of a comparison: its result is true or false, else the number 1 or 0
};

// False where there is nothing to fuse, and for an activation that native/activations.def has no way of cuDNN's for.
bool isFusible(const ConvEpilogue& epilogue);

// In an order in which they can run; the last gives the result. `isBf16`: the result is rounded to that.
std::vector<ConvStep> forwardSteps(const ConvEpilogue& epilogue, bool isBf16);
std::vector<ConvStep> dataGradientSteps(const ConvEpilogue& epilogue);

}  // namespace saturnn::cuda
