// Pointwise operations and reductions, with broadcasting.
#pragma once

#include <string>

#include "values.h"

namespace emulated_cudnn {

struct Pointwise {
  cudnnPointwiseMode_t mode;
  float lowerClip = 0.0f, upperClip = 0.0f, slope = 0.0f, alpha = 1.0f;
  bool propagatesNan = false;
};

using Shape = std::vector<int64_t>;

// Returns the number of operands, 1 to 3, or 0 for a mode that the emulation lacks. A gradient has two: dy, then the
// input of the forward pass.
int operandCount(cudnnPointwiseMode_t mode);
bool isGradient(cudnnPointwiseMode_t mode);

// Whether the first shape can be broadcast to the second: each dimension is equal or 1.
bool broadcastsTo(const Shape& from, const Shape& to);

// `operands` in cuDNN's order: x, b, t.
Values evaluate(const Pointwise& operation, const std::vector<const Values*>& operands,
                const std::vector<Shape>& shapes, const Shape& result);

// Reduces over the dimensions in which the length of the result is 1.
Values reduce(cudnnReduceTensorOp_t operation, const Values& x, const Shape& shape, const Shape& result);

}  // namespace emulated_cudnn
