// The activations as oneDNN post-ops.
#pragma once

#include <dnnl.hpp>

namespace saturnn::cpu {

// False for elu: oneDNN takes 1 from e^x, which leaves nothing of a small x.
bool hasPostOps(int kind);

// Agrees with native/shared/activations.h to rounding, and passes NaN on.
dnnl::post_ops activationPostOps(int kind, float slope);

}  // namespace saturnn::cpu
