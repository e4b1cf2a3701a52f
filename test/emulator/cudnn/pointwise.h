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

// 1 to 3; 0: a mode that the emulation lacks. Two of a gradient: dy, then what the forward pass read.
int operandCount(cudnnPointwiseMode_t mode);
bool isGradient(cudnnPointwiseMode_t mode);

// Whether a tensor of the first shape can be read as one of the second: equal, or 1, in each dimension.
bool broadcastsTo(const Shape& from, const Shape& to);

// `operands` in cuDNN's order: x, b, t.
Values evaluate(const Pointwise& operation, const std::vector<const Values*>& operands,
                const std::vector<Shape>& shapes, const Shape& result);

// Over the dimensions in which the result's length is 1.
Values reduce(cudnnReduceTensorOp_t operation, const Values& x, const Shape& shape, const Shape& result);

}  // namespace emulated_cudnn
