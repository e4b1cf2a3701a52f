// Checks a plan before anything is made of it, so that no id, size or offset that JavaScript passes can lead a kernel
// out of a buffer. What kernels must check themselves is that the shapes of their operands fit together.
#pragma once

#include "core/plan/description.h"

namespace saturnn {

// `state`: the sizes of the State's arenas, null if the plan has none. Throws ERR_INVALID_PLAN or ERR_UNSUPPORTED.
void validatePlan(const PlanDescription& plan, const SnBackend& backend, const ArenaBytes* state);

// The tensor at the end of the chain of bases: the one that has a place of its own.
int rootOf(const PlanDescription& plan, int tensor);

}  // namespace saturnn
