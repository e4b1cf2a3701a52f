// Runs the blocks of a grid one after the other, and the threads of a block as fibers that stop at barriers and
// shuffles. A thread that meets none runs to its end on the fiber of its predecessor, so such kernels pay nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector_types.h>

#include "export.h"

namespace emulator {

struct Launch {
  const char* name;
  dim3 grid, block;
  std::function<void()> body;  // one thread of the kernel, its arguments by value
  // The address of a thread_local of the kernel's library: its shared memory lies in the same TLS block.
  void* (*sharedAnchor)();
};

// Empty, or why a GPU would refuse to launch this.
std::string objection(const Launch& launch);

// Runs the whole grid. Empty, or what the kernel did wrong and where: then the rest of the grid did not run.
std::string execute(const Launch& launch);

// What shuffles and votes see of a warp.
struct Warp {
  uint64_t value[32];
  uint32_t present;  // lanes that took part; the value of another lane is undefined (here: all bits set)
  int lane;          // the caller's
};

// The kernel's side, called by a running thread. `line` tells one barrier or shuffle of the source from another.
EMULATOR_API void waitForBlock(int line);
EMULATOR_API Warp exchange(uint32_t mask, uint64_t value, int line);
// Ends the running kernel with this message. Outside of a kernel: ends the process.
[[noreturn]] EMULATOR_API void fail(const std::string& what);

}  // namespace emulator
