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

// Returns tanh(x), or 2 tanh(x / 2). cuDNN's engines compute tanh with the GPU's instruction, which is exact to 11
// bits: enough for bf16. For results with more bits it is computed as 2 sigmoid(2x) - 1, whose two instructions are
// exact to 22 bits. The error for small x, 1e-7, is much smaller than the error from rounding the factors of x.
StepOperand appendTanh(Steps& steps, StepOperand x, bool scaled, bool isBf16) {
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

// Returns dy times the derivative of relu or leakyRelu. Where x < 0 may give y = 0, 0 counts as negative.
// Since a comparison loses a NaN of y, the result is y where y is NaN.
void multiplyBySide(Steps& steps, const StepOperand& dy, const StepOperand& y, float slope) {
  const StepOperand isPositive =
      steps.append(hidesSide(slope) ? CUDNN_POINTWISE_CMP_GT : CUDNN_POINTWISE_CMP_GE, y, scalar(0.0f));
  const StepOperand gradient = steps.select(isPositive, dy, steps.multiply(dy, scalar(slope)));
  steps.select(steps.append(CUDNN_POINTWISE_CMP_EQ, y, y), gradient, y);
}

// The derivative from y, as in native/activations.def: 1 - y^2, or slope - y^2 / slope below 0, which rounding can make
// slightly negative. The side and the clamp are factors of 0 or 1: cuDNN's engines choose between two results through
// memory, and their maximum would turn NaN into the bound.
StepOperand leakyTanhDerivative(Steps& steps, const StepOperand& y, float slope) {
  const StepOperand square = steps.multiply(steps.relu(y, inverseSlopeOf(slope)), y);
  const StepOperand isNegative = steps.number(hidesSide(slope) ? CUDNN_POINTWISE_CMP_LE : CUDNN_POINTWISE_CMP_LT, y);
  const StepOperand most = steps.add(steps.multiply(isNegative, scalar(slope - 1.0f)), scalar(1.0f));
  const StepOperand both = steps.append(CUDNN_POINTWISE_SUB, most, square);
  return steps.multiply(both, steps.number(CUDNN_POINTWISE_CMP_GT, both));
}

// Returns 1 + factor y^2.
StepOperand parabola(Steps& steps, const StepOperand& y, float factor) {
  return steps.add(steps.multiply(steps.multiply(y, y), scalar(factor)), scalar(1.0f));
}

// Appends f(x), and dy f'(x) computed from y = f(x), to a graph of cuDNN's. Both are null if the activation is not fused.
struct Way {
  void (*forward)(Steps& steps, const StepOperand& x, float slope, bool isBf16);
  void (*gradient)(Steps& steps, const StepOperand& dy, const StepOperand& y, float slope);
};

// The names that native/activations.def has for them.
namespace ways {

constexpr Way none{nullptr, nullptr};

constexpr Way sigmoid{
    [](Steps& steps, const StepOperand& x, float, bool) { steps.append(CUDNN_POINTWISE_SIGMOID_FWD, x); },
    [](Steps& steps, const StepOperand& dy, const StepOperand& y, float) {
      const StepOperand rest = steps.add(steps.multiply(y, scalar(-1.0f)), scalar(1.0f));
      steps.multiply(dy, steps.multiply(rest, y));
    }};

constexpr Way scaledSigmoid{
    [](Steps& steps, const StepOperand& x, float, bool isBf16) { appendTanh(steps, x, true, isBf16); },
    [](Steps& steps, const StepOperand& dy, const StepOperand& y, float) {
      steps.multiply(dy, parabola(steps, y, -0.25f));
    }};

constexpr Way tanh{[](Steps& steps, const StepOperand& x, float, bool isBf16) { appendTanh(steps, x, false, isBf16); },
                   [](Steps& steps, const StepOperand& dy, const StepOperand& y, float) {
                     steps.multiply(dy, parabola(steps, y, -1.0f));
                   }};

constexpr Way leakyTanh{[](Steps& steps, const StepOperand& x, float slope, bool isBf16) {
                          steps.relu(appendTanh(steps, x, false, isBf16), slope);
                        },
                        [](Steps& steps, const StepOperand& dy, const StepOperand& y, float slope) {
                          steps.multiply(dy, leakyTanhDerivative(steps, y, slope));
                        }};

constexpr Way relu{
    [](Steps& steps, const StepOperand& x, float, bool) { steps.relu(x, 0.0f); },
    [](Steps& steps, const StepOperand& dy, const StepOperand& y, float) { multiplyBySide(steps, dy, y, 0.0f); }};

constexpr Way leakyRelu{[](Steps& steps, const StepOperand& x, float slope, bool) { steps.relu(x, slope); },
                        [](Steps& steps, const StepOperand& dy, const StepOperand& y, float slope) {
                          multiplyBySide(steps, dy, y, slope);
                        }};

}  // namespace ways

constexpr Way kWays[] = {
#define SN_ACTIVATION(kind, saved, f, derivative, oneDnn, cudnn) ways::cudnn,
#include "activations.def"
};

// Returns how an activation that isFusible() has accepted is fused.
const Way& wayOf(const ConvEpilogue& epilogue) {
  const Way& way = kWays[epilogue.activation];
  if (!way.forward) throw Error("ERR_INTERNAL", "activation " + std::to_string(epilogue.activation) + " is not fused");
  return way;
}

}  // namespace

bool isFusible(const ConvEpilogue& epilogue) {
  if (epilogue.isEmpty()) return false;
  return epilogue.activation == SN_NO_ACTIVATION || kWays[epilogue.activation].forward != nullptr;
}

std::vector<ConvStep> forwardSteps(const ConvEpilogue& epilogue, bool isBf16) {
  Steps steps;
  StepOperand x{StepOperand::convolution};
  if (epilogue.bias) x = steps.add(x, {StepOperand::bias});
  if (epilogue.activation != SN_NO_ACTIVATION) wayOf(epilogue).forward(steps, x, epilogue.slope, isBf16);
  return steps.take();
}

std::vector<ConvStep> dataGradientSteps(const ConvEpilogue& epilogue) {
  Steps steps;
  if (epilogue.activation == SN_NO_ACTIVATION) return {};
  const StepOperand dy{StepOperand::convolution};
  // cuDNN's engines load a tensor once per operation that reads it, so only this operation reads it.
  const StepOperand y = steps.append(CUDNN_POINTWISE_IDENTITY, {StepOperand::activated});
  wayOf(epilogue).gradient(steps, dy, y, epilogue.slope);
  return steps.take();
}

}  // namespace saturnn::cuda
