// Activations as oneDNN's post-ops.
#pragma once

#include <dnnl.hpp>

#include "cpu/onednn/activation_ways.h"

namespace saturnn::cpu {

// Adds the activation as post-ops, in a way other than `none`. Equal to native/activations.def up to rounding; NaN stays NaN.
dnnl::post_ops activationPostOps(OneDnnActivation way, float slope);

}  // namespace saturnn::cpu
