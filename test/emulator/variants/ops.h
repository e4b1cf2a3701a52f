// The ops to run, with numbers drawn for them.
#pragma once

#include "op_run.h"

namespace variants {

// Of images of this shape.
std::vector<Op> imageOps(const std::vector<int64_t>& shape);

// Of arenas of `count` numbers, with a table of segments and without.
std::vector<Op> arenaOps(int64_t count);

}  // namespace variants
