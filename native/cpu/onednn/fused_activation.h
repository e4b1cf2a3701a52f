// The activations as oneDNN post-ops.
#pragma once

#include <dnnl.hpp>

namespace saturnn::cpu {

// False for elu: oneDNN computes e^x - 1 by a subtraction, which is inexact for small x.
bool hasPostOps(int kind);

// Adds the activation as a post-op. Equal to shared/activations.h up to rounding; NaN stays NaN.
dnnl::post_ops activationPostOps(int kind, float slope);

}  // namespace saturnn::cpu
