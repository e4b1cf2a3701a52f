// The kinds of native/activations.def, for JavaScript: a test compares them with lib/ops.
#pragma once

#include <stddef.h>

namespace saturnn {

// Names of the activations; index: id.
extern const char* const activationKinds[];
extern const size_t activationKindCount;

}  // namespace saturnn
