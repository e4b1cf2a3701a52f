// The ops to run, with random operands.
#pragma once

#include "op_run.h"

namespace variants {

// Returns ops on images of this shape.
std::vector<Op> imageOps(const std::vector<int64_t>& shape);

// Returns ops on arenas of `count` numbers, with and without a table of segments.
std::vector<Op> arenaOps(int64_t count);

}  // namespace variants
