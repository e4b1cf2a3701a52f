// `__shared__` variables are thread_local variables of the library that holds the kernels, so all of them lie in one
// block of thread-local storage. It is filled with 0xff (NaN, -1) between blocks, because a GPU promises no contents
// either, and no block may read what another has left there.
#pragma once

#include <cstddef>

#include "executor.h"

namespace emulator {

class SharedMemory {
 public:
  explicit SharedMemory(const Launch& launch);
  void poisonAfterBlock();

 private:
  unsigned char* begin_ = nullptr;
  size_t bytes_ = 0;
  bool first_ = true;
  // The places that the first block of this launch wrote; later blocks are assumed to write the same places.
  size_t low_ = 0, high_ = 0;
};

}  // namespace emulator
