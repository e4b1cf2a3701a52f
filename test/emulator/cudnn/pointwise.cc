// See pointwise.h.
#include "pointwise.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "descriptor.h"

namespace emulated_cudnn {
namespace {

// The operands x, b and t of one element; operands that the operation does not have are 0.
using Function = float (*)(const Pointwise&, float x, float b, float t);

float flag(bool holds) { return holds ? 1.0f : 0.0f; }

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

// relu: below the lower clip, a line of the given slope. NaN becomes the lower clip, unless NaN is to be propagated.
float relu(const Pointwise& p, float x, float, float) {
  if (x != x) return p.propagatesNan ? x : p.lowerClip;
  if (x <= p.lowerClip) return p.lowerClip + p.slope * (x - p.lowerClip);
  return std::min(x, p.upperClip);
}

float reluGradient(const Pointwise& p, float dy, float x, float) {
  return x > p.lowerClip && x < p.upperClip ? dy : x <= p.lowerClip ? p.slope * dy : 0.0f;
}

Function functionOf(cudnnPointwiseMode_t mode) {
  using P = const Pointwise&;
  switch (mode) {
    case CUDNN_POINTWISE_ADD: return [](P, float x, float b, float) { return x + b; };
    case CUDNN_POINTWISE_SUB: return [](P, float x, float b, float) { return x - b; };
    case CUDNN_POINTWISE_MUL: return [](P, float x, float b, float) { return x * b; };
    case CUDNN_POINTWISE_DIV: return [](P, float x, float b, float) { return x / b; };
    case CUDNN_POINTWISE_MAX: return [](P, float x, float b, float) { return std::fmax(x, b); };
    case CUDNN_POINTWISE_MIN: return [](P, float x, float b, float) { return std::fmin(x, b); };
    case CUDNN_POINTWISE_POW: return [](P, float x, float b, float) { return std::pow(x, b); };
    case CUDNN_POINTWISE_ADD_SQUARE: return [](P, float x, float b, float) { return x + b * b; };
    case CUDNN_POINTWISE_ABS: return [](P, float x, float, float) { return std::fabs(x); };
    case CUDNN_POINTWISE_NEG: return [](P, float x, float, float) { return -x; };
    case CUDNN_POINTWISE_EXP: return [](P, float x, float, float) { return std::exp(x); };
    case CUDNN_POINTWISE_LOG: return [](P, float x, float, float) { return std::log(x); };
    case CUDNN_POINTWISE_SQRT: return [](P, float x, float, float) { return std::sqrt(x); };
    case CUDNN_POINTWISE_RSQRT: return [](P, float x, float, float) { return 1.0f / std::sqrt(x); };
    case CUDNN_POINTWISE_RECIPROCAL: return [](P, float x, float, float) { return 1.0f / x; };
    case CUDNN_POINTWISE_IDENTITY: return [](P, float x, float, float) { return x; };
    case CUDNN_POINTWISE_TANH_FWD: return [](P, float x, float, float) { return std::tanh(x); };
    case CUDNN_POINTWISE_SIGMOID_FWD: return [](P, float x, float, float) { return sigmoid(x); };
    case CUDNN_POINTWISE_RELU_FWD: return relu;
    case CUDNN_POINTWISE_ELU_FWD:
      return [](P p, float x, float, float) { return x > 0.0f ? x : p.alpha * std::expm1(x); };
    case CUDNN_POINTWISE_RELU_BWD: return reluGradient;
    case CUDNN_POINTWISE_TANH_BWD:
      return [](P, float dy, float x, float) { return dy * (1.0f - std::tanh(x) * std::tanh(x)); };
    case CUDNN_POINTWISE_SIGMOID_BWD:
      return [](P, float dy, float x, float) { return dy * sigmoid(x) * (1.0f - sigmoid(x)); };
    case CUDNN_POINTWISE_ELU_BWD:
      return [](P p, float dy, float x, float) { return x > 0.0f ? dy : dy * p.alpha * std::exp(x); };
    case CUDNN_POINTWISE_CMP_EQ: return [](P, float x, float b, float) { return flag(x == b); };
    case CUDNN_POINTWISE_CMP_NEQ: return [](P, float x, float b, float) { return flag(x != b); };
    case CUDNN_POINTWISE_CMP_GT: return [](P, float x, float b, float) { return flag(x > b); };
    case CUDNN_POINTWISE_CMP_GE: return [](P, float x, float b, float) { return flag(x >= b); };
    case CUDNN_POINTWISE_CMP_LT: return [](P, float x, float b, float) { return flag(x < b); };
    case CUDNN_POINTWISE_CMP_LE: return [](P, float x, float b, float) { return flag(x <= b); };
    case CUDNN_POINTWISE_LOGICAL_AND: return [](P, float x, float b, float) { return flag(x != 0 && b != 0); };
    case CUDNN_POINTWISE_LOGICAL_OR: return [](P, float x, float b, float) { return flag(x != 0 || b != 0); };
    case CUDNN_POINTWISE_LOGICAL_NOT: return [](P, float x, float, float) { return flag(x == 0); };
    case CUDNN_POINTWISE_BINARY_SELECT: return [](P, float x, float b, float t) { return t != 0.0f ? x : b; };
    default: return nullptr;
  }
}

// Returns the strides of an operand in the loops over the result: 0 in dimensions in which it is broadcast.
Shape stridesIn(const Shape& shape, const Shape& result) {
  Shape strides(result.size(), 0);
  int64_t stride = 1;
  for (size_t axis = result.size(); axis-- > 0;) {
    strides[axis] = shape[axis] == 1 ? 0 : stride;
    stride *= shape[axis];
  }
  return strides;
}

// Calls function(index, offsets of the operands) for every element of `shape`.
template <class Visit>
void eachElement(const Shape& shape, const std::vector<Shape>& strides, Visit&& visit) {
  int64_t total = 1;
  for (const int64_t length : shape) total *= length;
  Shape index(shape.size(), 0);
  int64_t offsets[3] = {};
  for (int64_t place = 0; place < total; ++place) {
    visit(place, offsets);
    for (size_t axis = shape.size(); axis-- > 0;) {
      for (size_t i = 0; i < strides.size(); ++i) offsets[i] += strides[i][axis];
      if (++index[axis] < shape[axis]) break;
      for (size_t i = 0; i < strides.size(); ++i) offsets[i] -= strides[i][axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

}  // namespace

bool isGradient(cudnnPointwiseMode_t mode) { return mode >= CUDNN_POINTWISE_RELU_BWD && mode < CUDNN_POINTWISE_CMP_EQ; }

int operandCount(cudnnPointwiseMode_t mode) {
  if (!functionOf(mode)) return 0;
  switch (mode) {
    case CUDNN_POINTWISE_BINARY_SELECT: return 3;
    case CUDNN_POINTWISE_ADD:
    case CUDNN_POINTWISE_SUB:
    case CUDNN_POINTWISE_MUL:
    case CUDNN_POINTWISE_DIV:
    case CUDNN_POINTWISE_MAX:
    case CUDNN_POINTWISE_MIN:
    case CUDNN_POINTWISE_POW:
    case CUDNN_POINTWISE_ADD_SQUARE:
    case CUDNN_POINTWISE_LOGICAL_AND:
    case CUDNN_POINTWISE_LOGICAL_OR: return 2;
    default: return isGradient(mode) || (mode >= CUDNN_POINTWISE_CMP_EQ && mode <= CUDNN_POINTWISE_CMP_LE) ? 2 : 1;
  }
}

bool broadcastsTo(const Shape& from, const Shape& to) {
  if (from.size() != to.size()) return false;
  for (size_t axis = 0; axis < to.size(); ++axis) {
    if (from[axis] != to[axis] && from[axis] != 1) return false;
  }
  return true;
}

Values evaluate(const Pointwise& operation, const std::vector<const Values*>& operands,
                const std::vector<Shape>& shapes, const Shape& result) {
  const Function function = functionOf(operation.mode);
  std::vector<Shape> strides;
  int64_t total = 1;
  for (const int64_t length : result) total *= length;
  for (const Shape& shape : shapes) strides.push_back(stridesIn(shape, result));
  Values values(total);
  eachElement(result, strides, [&](int64_t place, const int64_t* offsets) {
    float operand[3] = {};
    for (size_t i = 0; i < operands.size(); ++i) operand[i] = (*operands[i])[offsets[i]];
    values[place] = function(operation, operand[0], operand[1], operand[2]);
  });
  return values;
}

Values reduce(cudnnReduceTensorOp_t operation, const Values& x, const Shape& shape, const Shape& result) {
  int64_t total = 1;
  for (const int64_t length : result) total *= length;
  const bool adds = operation == CUDNN_REDUCE_TENSOR_ADD || operation == CUDNN_REDUCE_TENSOR_AVG;
  const double infinite = std::numeric_limits<double>::infinity();
  const double start = adds ? 0.0 : operation == CUDNN_REDUCE_TENSOR_MAX ? -infinite : infinite;
  std::vector<double> sums(total, start);
  eachElement(shape, {stridesIn(result, shape)}, [&](int64_t place, const int64_t* offsets) {
    double& sum = sums[offsets[0]];
    const double value = x[place];
    sum = adds ? sum + value : operation == CUDNN_REDUCE_TENSOR_MAX ? std::fmax(sum, value) : std::fmin(sum, value);
  });
  const double count = operation == CUDNN_REDUCE_TENSOR_AVG ? static_cast<double>(x.size()) / total : 1.0;
  Values values;
  for (const double sum : sums) values.push_back(static_cast<float>(sum / count));
  return values;
}

}  // namespace emulated_cudnn
