// Checks a plan before anything is made from it, so that no id, size or offset from JavaScript can lead a kernel out of
// a buffer. That the shapes of a kernel's operands fit together is checked by the kernel.
#pragma once

#include "core/plan/description.h"

namespace saturnn {

// `state` holds the sizes of the State's arenas; null if the plan has none. Throws ERR_INVALID_PLAN or ERR_UNSUPPORTED.
void validatePlan(const PlanDescription& plan, const SnBackend& backend, const ArenaBytes* state);

// Returns the tensor at the end of the chain of bases: the one that is not a view.
int rootOf(const PlanDescription& plan, int tensor);

}  // namespace saturnn
