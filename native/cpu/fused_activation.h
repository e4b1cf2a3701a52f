// The six activations as oneDNN post-ops.
#pragma once

#include <dnnl.hpp>

namespace saturnn {

// Agrees with native/activations.h to rounding, and passes NaN on.
dnnl::post_ops activationPostOps(int kind, float slope);

}  // namespace saturnn
