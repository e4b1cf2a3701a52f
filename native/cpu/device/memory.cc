#include "cpu/device/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "cpu/kernel.h"

namespace saturnn::cpu {

namespace {

// Arenas are mapped on huge pages: a kernel uses tens of megabytes, and the first access to a small page costs more
// than the arithmetic on it. Allocations smaller than one huge page come from the heap.
constexpr size_t hugePage = size_t{2} << 20;

size_t roundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

[[noreturn]] void failAllocation(size_t bytes) {
  throw Error("ERR_OUT_OF_MEMORY", "Cannot allocate " + std::to_string(bytes) + " bytes of CPU memory");
}

// Linux before 6.7 does not align mappings to huge pages, so one page more is mapped, and the ends are unmapped.
void* mapHugePages(size_t bytes) {
  const size_t mapped = bytes + hugePage;
  void* mapping = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return nullptr;
  const auto address = reinterpret_cast<uintptr_t>(mapping);
  const size_t head = roundUp(address, hugePage) - address;
  if (head > 0) munmap(mapping, head);
  char* memory = static_cast<char*>(mapping) + head;
  if (head < hugePage) munmap(memory + bytes, hugePage - head);
  madvise(memory, bytes, MADV_HUGEPAGE);  // only advice: without huge pages it fails, and small pages are used
  return memory;
}

}  // namespace

void* allocateMemory(size_t bytes) {
  if (bytes > SIZE_MAX / 2) failAllocation(bytes);
  void* memory = bytes < hugePage ? std::aligned_alloc(64, roundUp(std::max<size_t>(bytes, 1), 64))
                                  : mapHugePages(roundUp(bytes, hugePage));
  if (!memory) failAllocation(bytes);
  return memory;
}

void releaseMemory(void* memory, size_t bytes) {
  if (!memory) return;
  if (bytes < hugePage) {
    std::free(memory);
  } else {
    munmap(memory, roundUp(bytes, hugePage));
  }
}

}  // namespace saturnn::cpu
