// See fiber.h. x86-64, System V: a switch saves the six callee-saved registers and the stack pointer.
#include "fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <new>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

extern "C" void saturnnEmulatorSwitch(void** from, void* to);

asm(R"(
.text
.hidden saturnnEmulatorSwitch
.globl saturnnEmulatorSwitch
.type saturnnEmulatorSwitch, @function
saturnnEmulatorSwitch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size saturnnEmulatorSwitch, .-saturnnEmulatorSwitch
)");

namespace emulator {
namespace {

constexpr size_t kGuard = 4096;
#ifdef __SANITIZE_ADDRESS__
constexpr size_t kStack = 512 * 1024;  // redzones around every local array
#else
constexpr size_t kStack = 128 * 1024;
#endif

thread_local void* outside = nullptr;  // where resume() was called
thread_local Fiber* current = nullptr;
thread_local void** currentSlot = nullptr;  // where the running fiber's stack pointer goes

#ifdef __SANITIZE_ADDRESS__
thread_local void* outsideFake = nullptr;
thread_local const void* outsideBottom = nullptr;
thread_local size_t outsideSize = 0;
#endif

}  // namespace

Fiber::Fiber(void (*entry)()) : entry_(entry) {
  void* memory = mmap(nullptr, kGuard + kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<char*>(memory);
  mprotect(memory_, kGuard, PROT_NONE);  // an overflow is a fault, not another fiber's damage
  reset();
}

void Fiber::start() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, &outsideBottom, &outsideSize);
#endif
  current->entry_();
  abort();
}

Fiber::~Fiber() { munmap(memory_, kGuard + kStack); }

void Fiber::reset() {
  // The values that the switch pops: six registers, then the address of start(). At a function's entry the stack pointer
  // must be 8 modulo 16.
  auto** top = reinterpret_cast<void**>(memory_ + kGuard + kStack);
  top[-1] = nullptr;
  top[-2] = reinterpret_cast<void*>(&Fiber::start);
  for (int i = 3; i <= 8; ++i) top[-i] = nullptr;
  stackPointer_ = top - 8;
}

void Fiber::resume() {
  current = this;
  currentSlot = &stackPointer_;
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(&outsideFake, memory_ + kGuard, kStack);
#endif
  saturnnEmulatorSwitch(&outside, stackPointer_);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(outsideFake, nullptr, nullptr);
#endif
  current = nullptr;
}

void Fiber::suspend() {
#ifdef __SANITIZE_ADDRESS__
  void* fake = nullptr;
  __sanitizer_start_switch_fiber(&fake, outsideBottom, outsideSize);
#endif
  saturnnEmulatorSwitch(currentSlot, outside);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake, &outsideBottom, &outsideSize);
#endif
}

bool Fiber::isInside() { return current != nullptr; }

}  // namespace emulator
