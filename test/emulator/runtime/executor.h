// Runs the blocks of a grid one after the other, and the threads of a block as fibers that stop at barriers and
// shuffles. A thread without these runs to its end on the fiber of the thread before it, which costs nothing.
#pragma once

#include <vector_types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "export.h"

namespace emulator {

struct Launch {
  const char* name;
  dim3 grid, block;
  std::function<void()> body;  // one thread of the kernel, its arguments by value
  // The address of a thread_local of the kernel's library: its shared memory lies in the same TLS block.
  void* (*sharedAnchor)();
};

// Returns why a GPU would refuse this launch; empty if it would not.
std::string objection(const Launch& launch);

// Runs the whole grid. Returns what the kernel did wrong and where, after which the rest did not run; empty if nothing.
std::string execute(const Launch& launch);

// The values of a warp's lanes that shuffles and votes see.
struct Warp {
  uint64_t value[32];
  uint32_t present;  // lanes that took part; the value of another lane is undefined (here: all bits set)
  int lane;          // the caller's
};

// Functions that a running thread calls. `line`, in the source, identifies a barrier or shuffle.
EMULATOR_API void waitForBlock(int line);
EMULATOR_API Warp exchange(uint32_t mask, uint64_t value, int line);
// Ends the running kernel with this message or, outside of a kernel, the process.
[[noreturn]] EMULATOR_API void fail(const std::string& what);

}  // namespace emulator
