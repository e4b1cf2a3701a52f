// Threads of a block as fibers: each has its own stack and continues where it stopped. A switch takes a dozen
// instructions; swapcontext would make two system calls.
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

  // Runs this fiber until it calls suspend(). Must not be called by a fiber.
  void resume();
  // Returns to the caller of resume(). Called by the running fiber only.
  static void suspend();
  static bool isInside();
  // Makes the next resume() begin at `entry` again. Destructors of objects on the fiber's stack do not run.
  void reset();

 private:
  [[noreturn]] static void start();

  void (*entry_)();
  char* memory_;  // one guard page, then the stack
  void* stackPointer_ = nullptr;
};

}  // namespace emulator
