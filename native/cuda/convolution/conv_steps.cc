// See conv_steps.h.
#include "cuda/convolution/conv_steps.h"

#include <string>
#include <utility>

#include "shared/activations.h"
#include "shared/error.h"

namespace saturnn::cuda {
namespace {

StepOperand scalar(float value) { return {StepOperand::scalar, 0, value}; }

class Steps {
 public:
  StepOperand append(cudnnPointwiseMode_t mode, const StepOperand& x, const StepOperand& b = {},
                     const StepOperand& t = {}) {
    steps_.push_back({mode, x, b, t});
    steps_.back().isTruth = mode >= CUDNN_POINTWISE_CMP_EQ && mode <= CUDNN_POINTWISE_CMP_LE;
    return {StepOperand::step, steps_.size() - 1};
  }
  StepOperand add(const StepOperand& x, const StepOperand& b) { return append(CUDNN_POINTWISE_ADD, x, b); }
  StepOperand multiply(const StepOperand& x, const StepOperand& b) { return append(CUDNN_POINTWISE_MUL, x, b); }
  // Returns `condition` ? x : otherwise.
  StepOperand select(const StepOperand& condition, const StepOperand& x, const StepOperand& otherwise) {
    return append(CUDNN_POINTWISE_BINARY_SELECT, x, otherwise, condition);
  }
  // Returns the result of a comparison of x with 0, as 0 or 1.
  StepOperand number(cudnnPointwiseMode_t mode, const StepOperand& x) {
    const StepOperand result = append(mode, x, scalar(0.0f));
    steps_.back().isTruth = false;
    return result;
  }
  // Returns x, multiplied by `slope` if it is below 0. NaN stays NaN.
  StepOperand relu(const StepOperand& x, float slope) {
    const StepOperand result = append(CUDNN_POINTWISE_RELU_FWD, x);
    steps_.back().slope = slope;
    return result;
  }

  std::vector<ConvStep> take() { return std::move(steps_); }

 private:
  std::vector<ConvStep> steps_;
};

[[noreturn]] void refuse(const ConvEpilogue& epilogue) {
  throw Error("ERR_INTERNAL", "activation " + std::to_string(epilogue.activation) + " is not fused");
}

// Returns tanh(x), or 2 tanh(x / 2). cuDNN's engines compute tanh with the GPU's instruction, which is exact to 11
// bits: enough for bf16. For results with more bits it is computed as 2 sigmoid(2x) - 1, whose two instructions are
// exact to 22 bits. The error for small x, 1e-7, is much smaller than the error from rounding the factors of x.
StepOperand tanh(Steps& steps, StepOperand x, bool scaled, bool isBf16) {
  if (isBf16) {
    if (scaled) x = steps.multiply(x, scalar(0.5f));
    x = steps.append(CUDNN_POINTWISE_TANH_FWD, x);
    return scaled ? steps.multiply(x, scalar(2.0f)) : x;
  }
  if (!scaled) x = steps.multiply(x, scalar(2.0f));
  x = steps.append(CUDNN_POINTWISE_SIGMOID_FWD, x);
  x = steps.multiply(x, scalar(scaled ? 4.0f : 2.0f));
  return steps.append(CUDNN_POINTWISE_SUB, x, scalar(scaled ? 2.0f : 1.0f));
}

// Returns dy times the derivative of relu or leakyRelu. With slope 0 all x < 0 give y = 0, so 0 counts as negative.
// Since a comparison loses a NaN of y, the result is y where y is NaN.
void multiplyBySide(Steps& steps, const StepOperand& dy, const StepOperand& y, float slope) {
  const StepOperand isPositive =
      steps.append(slope > 0.0f ? CUDNN_POINTWISE_CMP_GE : CUDNN_POINTWISE_CMP_GT, y, scalar(0.0f));
  const StepOperand gradient = steps.select(isPositive, dy, steps.multiply(dy, scalar(slope)));
  steps.select(steps.append(CUDNN_POINTWISE_CMP_EQ, y, y), gradient, y);
}

// The derivative from y, as in shared/activations.h: 1 - y^2, or slope - y^2 / slope below 0, which rounding can make
// slightly negative. The side and the clamp are factors of 0 or 1: cuDNN's engines choose between two results through
// memory, and their maximum would turn NaN into the bound.
StepOperand leakyTanhDerivative(Steps& steps, const StepOperand& y, float slope) {
  const StepOperand square = steps.multiply(steps.relu(y, inverseSlopeOf(slope)), y);
  const StepOperand isNegative = steps.number(slope > 0.0f ? CUDNN_POINTWISE_CMP_LT : CUDNN_POINTWISE_CMP_LE, y);
  const StepOperand most = steps.add(steps.multiply(isNegative, scalar(slope - 1.0f)), scalar(1.0f));
  const StepOperand both = steps.append(CUDNN_POINTWISE_SUB, most, square);
  return steps.multiply(both, steps.number(CUDNN_POINTWISE_CMP_GT, both));
}

// Returns 1 + factor y^2.
StepOperand parabola(Steps& steps, const StepOperand& y, float factor) {
  return steps.add(steps.multiply(steps.multiply(y, y), scalar(factor)), scalar(1.0f));
}

}  // namespace

bool isFusible(const ConvEpilogue& epilogue) { return !epilogue.isEmpty() && epilogue.activation != SN_ELU; }

std::vector<ConvStep> forwardSteps(const ConvEpilogue& epilogue, bool isBf16) {
  Steps steps;
  StepOperand x{StepOperand::convolution};
  if (epilogue.bias) x = steps.add(x, {StepOperand::bias});
  switch (epilogue.activation) {
    case SN_NO_ACTIVATION: break;
    case SN_SIGMOID: steps.append(CUDNN_POINTWISE_SIGMOID_FWD, x); break;
    case SN_SCALED_SIGMOID: tanh(steps, x, true, isBf16); break;
    case SN_TANH: tanh(steps, x, false, isBf16); break;
    case SN_LEAKY_TANH: steps.relu(tanh(steps, x, false, isBf16), epilogue.slope); break;
    case SN_RELU: steps.relu(x, 0.0f); break;
    case SN_LEAKY_RELU: steps.relu(x, epilogue.slope); break;
    default: refuse(epilogue);
  }
  return steps.take();
}

std::vector<ConvStep> dataGradientSteps(const ConvEpilogue& epilogue) {
  Steps steps;
  if (epilogue.activation == SN_NO_ACTIVATION) return {};
  const StepOperand dy{StepOperand::convolution};
  // cuDNN's engines load a tensor once per operation that reads it, so only this operation reads it.
  const StepOperand y = steps.append(CUDNN_POINTWISE_IDENTITY, {StepOperand::activated});
  switch (epilogue.activation) {
    case SN_SIGMOID: {
      const StepOperand rest = steps.add(steps.multiply(y, scalar(-1.0f)), scalar(1.0f));
      steps.multiply(dy, steps.multiply(rest, y));
      break;
    }
    case SN_SCALED_SIGMOID: steps.multiply(dy, parabola(steps, y, -0.25f)); break;
    case SN_TANH: steps.multiply(dy, parabola(steps, y, -1.0f)); break;
    case SN_LEAKY_TANH: steps.multiply(dy, leakyTanhDerivative(steps, y, epilogue.slope)); break;
    case SN_RELU: multiplyBySide(steps, dy, y, 0.0f); break;
    case SN_LEAKY_RELU: multiplyBySide(steps, dy, y, epilogue.slope); break;
    default: refuse(epilogue);
  }
  return steps.take();
}

}  // namespace saturnn::cuda
