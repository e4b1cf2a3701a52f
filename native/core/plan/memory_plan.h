// The memory planner: from lifetimes to offsets in one arena. A pure function.
#pragma once

#include <cstdint>
#include <vector>

namespace saturnn {

struct MemoryRequest {
  int64_t bytes = 0;
  // The first and the last node, both included, during which the block must keep its contents.
  int first = 0;
  int last = 0;
};

struct MemoryPlan {
  std::vector<int64_t> offsets;  // of each request; multiples of `alignment`
  int64_t arenaBytes = 0;
};

// No two blocks that live at the same time overlap. Greedy: the largest first, each into the smallest gap that holds
// it.
MemoryPlan planMemory(const std::vector<MemoryRequest>& requests, int64_t alignment);

}  // namespace saturnn
