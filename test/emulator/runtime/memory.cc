// See memory.h.
#include "memory.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

namespace emulator {
namespace {

constexpr size_t kAlignment = 256;
#ifdef __SANITIZE_ADDRESS__
constexpr size_t kFence = 0;  // the sanitizer has its own
#else
constexpr size_t kFence = 256;
#endif
constexpr unsigned char kFenceByte = 0xa5;

// Size of the largest block of pinned memory: SATURNN_EMULATOR_PINNED bytes, or any.
size_t mostPinned() {
  const char* text = getenv("SATURNN_EMULATOR_PINNED");
  return text ? strtoull(text, nullptr, 10) : SIZE_MAX;
}

struct Allocation {
  size_t bytes;
  Where where;
};

std::mutex mutex;
std::map<const char*, Allocation> allocations;
size_t used = 0;

std::map<const char*, Allocation>::const_iterator find(const void* pointer) {
  const auto* address = static_cast<const char*>(pointer);
  auto next = allocations.upper_bound(address);
  if (next == allocations.begin()) return allocations.end();
  const auto place = std::prev(next);
  return address < place->first + std::max<size_t>(place->second.bytes, 1) ? place : allocations.end();
}

cudaError_t allocate(void** pointer, size_t bytes, Where where) {
  if (!pointer) return cudaErrorInvalidValue;
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  std::lock_guard<std::mutex> lock(mutex);
  if (where == Where::device && used + bytes > totalMemory()) return cudaErrorMemoryAllocation;
  if (where == Where::pinned && bytes > mostPinned()) return cudaErrorMemoryAllocation;
  void* memory = nullptr;
  if (posix_memalign(&memory, kAlignment, bytes + kFence) != 0) return cudaErrorMemoryAllocation;
  auto* start = static_cast<char*>(memory);
  if (where == Where::device) memset(start, 0xff, bytes);  // NaN or -1, because a GPU's memory is not cleared
  memset(start + bytes, kFenceByte, kFence);
  allocations[start] = {bytes, where};
  if (where == Where::device) used += bytes;
  *pointer = memory;
  return cudaSuccess;
}

cudaError_t release(void* pointer, Where where) {
  if (!pointer) return cudaSuccess;
  std::lock_guard<std::mutex> lock(mutex);
  const auto place = allocations.find(static_cast<char*>(pointer));
  if (place == allocations.end() || place->second.where != where) return cudaErrorInvalidValue;
  const size_t bytes = place->second.bytes;
  bool intact = true;
  for (size_t i = 0; i < kFence; ++i) intact &= static_cast<unsigned char>(place->first[bytes + i]) == kFenceByte;
  if (where == Where::device) used -= bytes;
  allocations.erase(place);
  free(pointer);
  return intact ? cudaSuccess : cudaErrorIllegalAddress;
}

}  // namespace

Place placeOf(const void* pointer, size_t bytes) {
  std::lock_guard<std::mutex> lock(mutex);
  const auto place = find(pointer);
  if (place == allocations.end()) return {Where::host, true};
  const size_t offset = static_cast<size_t>(static_cast<const char*>(pointer) - place->first);
  return {place->second.where, offset + bytes <= place->second.bytes};
}

cudaError_t allocateDevice(void** pointer, size_t bytes) { return allocate(pointer, bytes, Where::device); }
cudaError_t releaseDevice(void* pointer) { return release(pointer, Where::device); }
cudaError_t allocatePinned(void** pointer, size_t bytes) { return allocate(pointer, bytes, Where::pinned); }
cudaError_t releasePinned(void* pointer) { return release(pointer, Where::pinned); }

size_t totalMemory() {
  const char* text = getenv("SATURNN_EMULATOR_MEMORY");
  return text ? strtoull(text, nullptr, 10) : size_t{16} << 30;
}

size_t freeMemory() {
  std::lock_guard<std::mutex> lock(mutex);
  const size_t total = totalMemory();
  return total > used ? total - used : 0;
}

}  // namespace emulator
