// Threads of a block as fibers: each has a stack of its own and goes on where it stopped. A switch is a dozen
// instructions; swapcontext would make two system calls for it.
#pragma once

#include <cstddef>

namespace emulator {

class Fiber {
 public:
  // `entry` is called on the fiber's first resume() and must never return.
  explicit Fiber(void (*entry)());
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber();

  // Goes on with this fiber until it calls suspend(). Not to be called by a fiber.
  void resume();
  // Back to the caller of resume(). Called by the running fiber only.
  static void suspend();
  static bool isInside();
  // Forgets where the fiber stopped: the next resume() begins at `entry` again. Destructors on its stack do not run.
  void reset();

 private:
  [[noreturn]] static void start();

  void (*entry_)();
  char* memory_;  // one guard page, then the stack
  void* stackPointer_ = nullptr;
};

}  // namespace emulator
