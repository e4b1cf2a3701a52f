// Fetches memory into the caches before it is used, where a processor does not foresee that itself.
#pragma once

#include <cstdint>

namespace saturnn::cpu {

constexpr int64_t cacheLine = 64;

inline void fetchForLoads(const void* memory, int64_t bytes) {
  for (int64_t at = 0; at < bytes; at += cacheLine) __builtin_prefetch(static_cast<const char*>(memory) + at);
}

inline void fetchForStores(const void* memory, int64_t bytes) {
  for (int64_t at = 0; at < bytes; at += cacheLine) __builtin_prefetch(static_cast<const char*>(memory) + at, 1);
}

}  // namespace saturnn::cpu
