#include "core/plan/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace saturnn {
namespace {

struct Placed {
  int64_t begin;
  int64_t end;
  const MemoryRequest* request;
};

bool liveTogether(const MemoryRequest& a, const MemoryRequest& b) { return a.first <= b.last && b.first <= a.last; }

// `placed` is sorted by `begin`, so one pass finds every gap between the blocks whose lifetime overlaps `request`.
int64_t bestOffset(const MemoryRequest& request, int64_t bytes, const std::vector<Placed>& placed) {
  int64_t best = -1;
  int64_t bestGap = 0;
  int64_t freeFrom = 0;
  for (const Placed& other : placed) {
    if (!liveTogether(request, *other.request)) continue;
    const int64_t gap = other.begin - freeFrom;
    if (gap >= bytes && (best < 0 || gap < bestGap)) {
      best = freeFrom;
      bestGap = gap;
    }
    freeFrom = std::max(freeFrom, other.end);
  }
  return best >= 0 ? best : freeFrom;
}

}  // namespace

MemoryPlan planMemory(const std::vector<MemoryRequest>& requests, int64_t alignment) {
  std::vector<size_t> order(requests.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto larger = [&](size_t a, size_t b) { return requests[a].bytes > requests[b].bytes; };
  std::stable_sort(order.begin(), order.end(), larger);

  MemoryPlan plan;
  plan.offsets.resize(requests.size());
  std::vector<Placed> placed;
  placed.reserve(requests.size());
  for (const size_t i : order) {
    const MemoryRequest& request = requests[i];
    // Rounded sizes keep the start of every gap aligned.
    const int64_t bytes = (request.bytes + alignment - 1) / alignment * alignment;
    const int64_t begin = bestOffset(request, bytes, placed);
    plan.offsets[i] = begin;
    plan.arenaBytes = std::max(plan.arenaBytes, begin + bytes);
    const auto before = [](const Placed& other, int64_t offset) { return other.begin < offset; };
    placed.insert(std::lower_bound(placed.begin(), placed.end(), begin, before), {begin, begin + bytes, &request});
  }
  return plan;
}

}  // namespace saturnn
