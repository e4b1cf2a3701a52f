// The memory planner: computes offsets in one arena from sizes and lifetimes. A pure function.
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

// Blocks with overlapping lifetimes do not overlap in memory. Greedy: places the largest block first, each in the
// smallest gap that holds it.
MemoryPlan planMemory(const std::vector<MemoryRequest>& requests, int64_t alignment);

}  // namespace saturnn
