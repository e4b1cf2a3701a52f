// A program for the test of the memory planner: reads the alignment and then lines "bytes first last" (size and lifetime
// of a block), prints the size of the arena and then the offset of each block.
#include <cstdio>

#include "core/plan/memory_plan.h"

int main() {
  long long alignment = 0;
  if (std::scanf("%lld", &alignment) != 1) return 1;
  std::vector<saturnn::MemoryRequest> requests;
  long long bytes = 0;
  saturnn::MemoryRequest request;
  while (std::scanf("%lld %d %d", &bytes, &request.first, &request.last) == 3) {
    request.bytes = bytes;
    requests.push_back(request);
  }
  const saturnn::MemoryPlan plan = saturnn::planMemory(requests, alignment);
  std::printf("%lld\n", static_cast<long long>(plan.arenaBytes));
  for (const int64_t offset : plan.offsets) std::printf("%lld\n", static_cast<long long>(offset));
  return 0;
}
