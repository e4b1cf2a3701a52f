// See shared_memory.h.
#include "shared_memory.h"

#include <link.h>

#include <cstring>
#include <map>

namespace emulator {
namespace {

struct Range {
  unsigned char* begin;
  size_t bytes;
};

struct Search {
  unsigned char* anchor;
  Range found;
};

int visit(dl_phdr_info* info, size_t, void* data) {
  auto& search = *static_cast<Search*>(data);
  auto* begin = static_cast<unsigned char*>(info->dlpi_tls_data);
  if (!begin) return 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& header = info->dlpi_phdr[i];
    if (header.p_type != PT_TLS || search.anchor < begin || search.anchor >= begin + header.p_memsz) continue;
    search.found = {begin, header.p_memsz};
    return 1;
  }
  return 0;
}

// Returns the block of this thread's thread-local storage in which `anchor` lies. Poisons it at the first call.
Range rangeOf(void* anchor) {
  thread_local std::map<void*, Range> known;
  const auto place = known.find(anchor);
  if (place != known.end()) return place->second;
  Search search{static_cast<unsigned char*>(anchor), {}};
  dl_iterate_phdr(visit, &search);
  if (!search.found.begin) fail("the thread-local storage of the kernels was not found");
  memset(search.found.begin, 0xff, search.found.bytes);
  return known[anchor] = search.found;
}

}  // namespace

SharedMemory::SharedMemory(const Launch& launch) {
  const Range range = rangeOf(launch.sharedAnchor());
  begin_ = range.begin;
  bytes_ = range.bytes;
}

void SharedMemory::poisonAfterBlock() {
  if (first_) {
    first_ = false;
    const auto isPoison = [&](size_t at) {
      uint64_t word;
      memcpy(&word, begin_ + at, 8);
      return word == ~uint64_t{0};
    };
    const size_t words = bytes_ / 8 * 8;
    low_ = 0;
    while (low_ < words && isPoison(low_)) low_ += 8;
    high_ = words;
    while (high_ > low_ && isPoison(high_ - 8)) high_ -= 8;
    if (high_ == words) high_ = bytes_;
  }
  if (high_ > low_) memset(begin_ + low_, 0xff, high_ - low_);
}

}  // namespace emulator
