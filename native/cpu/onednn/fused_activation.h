// Activations as oneDNN's post-ops.
#pragma once

#include <dnnl.hpp>

#include "cpu/onednn/activation_ways.h"

namespace saturnn::cpu {

// Agrees with native/activations.def to rounding, and passes NaN on. `way` is not `none`.
dnnl::post_ops activationPostOps(OneDnnActivation way, float slope);

}  // namespace saturnn::cpu
