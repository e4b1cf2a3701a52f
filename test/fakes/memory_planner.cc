// The memory planner as a program, for its test: reads the alignment and then lines of "bytes first last"; prints the
// size of the arena and then the offset of each.
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
