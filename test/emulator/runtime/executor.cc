// See executor.h.
#include "executor.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "fiber.h"
#include "order.h"
#include "shared_memory.h"
#include "thread_index.h"

// The built-in variables of the running thread.
__thread uint3 emulatedThreadIdx, emulatedBlockIdx;
__thread uint3 emulatedBlockDim, emulatedGridDim;

namespace emulator {
namespace {

constexpr int kWarp = 32;

std::string text(const uint3& index) {
  return "(" + std::to_string(index.x) + ", " + std::to_string(index.y) + ", " + std::to_string(index.z) + ")";
}

enum class State { unstarted, running, ready, atBarrier, atShuffle, done };

struct Thread {
  State state = State::unstarted;
  int line = 0;  // of the barrier or the shuffle at which it waits
  Fiber* fiber = nullptr;
  uint64_t value = 0;  // what it gives to its warp
};

// There is one executor per operating-system thread, because a fiber must not move between threads.
class Executor {
 public:
  std::string run(const Launch& launch);
  void stopAt(State state, int line);
  Warp exchange(uint32_t mask, uint64_t value, int line);
  [[noreturn]] void fail(const std::string& what);

 private:
  bool runBlock(const uint3& block);
  void runThreads();
  static void fiberEntry();
  Fiber* takeFiber();
  void resume(int thread);
  void enter(int thread);
  bool release();
  bool releaseBlock();
  bool releaseWarps();
  void stuck();

  const Launch* launch_ = nullptr;
  std::vector<Thread> threads_;
  std::vector<int> order_;
  std::vector<uint3> indices_;  // of the threads, by number
  std::vector<Warp> warps_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  size_t next_ = 0;  // in order_: the first thread that no fiber has begun
  int current_ = 0;
  std::string failure_;
};

thread_local Executor executor;

void Executor::fiberEntry() {
  for (;;) {
    executor.runThreads();
    executor.idle_.push_back(executor.threads_[executor.current_].fiber);
    Fiber::suspend();
  }
}

// The code of a fiber: runs threads that have not begun, one after the other. If a thread stops at a barrier or shuffle,
// this fiber belongs to that thread from then on, and another fiber runs the remaining threads.
void Executor::runThreads() {
  Fiber* self = threads_[current_].fiber;
  for (;;) {
    launch_->body();
    threads_[current_].state = State::done;
    if (next_ == order_.size()) return;
    const int thread = order_[next_++];
    threads_[thread].fiber = self;
    enter(thread);
  }
}

void Executor::enter(int thread) {
  current_ = thread;
  threads_[thread].state = State::running;
  emulatedThreadIdx = indices_[thread];
}

void Executor::resume(int thread) {
  enter(thread);
  threads_[thread].fiber->resume();
}

Fiber* Executor::takeFiber() {
  if (idle_.empty()) {
    fibers_.push_back(std::make_unique<Fiber>(&Executor::fiberEntry));
    return fibers_.back().get();
  }
  Fiber* fiber = idle_.back();
  idle_.pop_back();
  return fiber;
}

void Executor::stopAt(State state, int line) {
  Thread& thread = threads_[current_];
  thread.state = state;
  thread.line = line;
  Fiber::suspend();
}

Warp Executor::exchange(uint32_t mask, uint64_t value, int line) {
  if (mask != 0xffffffffu) fail("a shuffle with a partial mask");
  const int self = current_;
  threads_[self].value = value;
  stopAt(State::atShuffle, line);
  Warp warp = warps_[self / kWarp];
  warp.lane = self % kWarp;
  return warp;
}

void Executor::fail(const std::string& what) {
  failure_ = "kernel " + std::string(launch_->name) + ", block " + text(emulatedBlockIdx) + ", thread " +
             text(emulatedThreadIdx) + ": " + what;
  Fiber::suspend();
  abort();  // nobody resumes a thread of a failed kernel
}

bool Executor::releaseBlock() {
  int line = 0, waiting = 0;
  for (const Thread& thread : threads_) {
    if (thread.state == State::done) continue;
    if (thread.state != State::atBarrier) return false;
    if (waiting++ > 0 && thread.line != line) {
      failure_ = "kernel " + std::string(launch_->name) + ", block " + text(emulatedBlockIdx) +
                 ": threads wait at different barriers, in lines " + std::to_string(line) + " and " +
                 std::to_string(thread.line);
      return false;
    }
    line = thread.line;
  }
  for (Thread& thread : threads_) {
    if (thread.state == State::atBarrier) thread.state = State::ready;
  }
  return waiting > 0;
}

bool Executor::releaseWarps() {
  bool released = false;
  const int count = static_cast<int>(threads_.size());
  for (int first = 0; first < count; first += kWarp) {
    const int end = std::min(first + kWarp, count);
    int waiting = 0, line = 0;
    bool complete = true;
    Warp warp{};
    for (int i = first; i < end && complete; ++i) {
      const Thread& thread = threads_[i];
      if (thread.state == State::done) continue;
      complete = thread.state == State::atShuffle && (waiting == 0 || thread.line == line);
      line = thread.line;
      ++waiting;
      warp.present |= 1u << (i - first);
    }
    if (!complete || waiting == 0) continue;
    for (int lane = 0; lane < kWarp; ++lane) {
      const bool present = warp.present >> lane & 1;
      warp.value[lane] = present ? threads_[first + lane].value : ~uint64_t{0};
    }
    warps_[first / kWarp] = warp;
    for (int i = first; i < end; ++i) {
      if (threads_[i].state == State::atShuffle) threads_[i].state = State::ready;
    }
    released = true;
  }
  return released;
}

void Executor::stuck() {
  int atBarrier = 0, atShuffle = 0, example = 0;
  for (size_t i = 0; i < threads_.size(); ++i) {
    if (threads_[i].state == State::atBarrier) ++atBarrier;
    if (threads_[i].state == State::atShuffle) ++atShuffle, example = static_cast<int>(i);
  }
  failure_ = "kernel " + std::string(launch_->name) + ", block " + text(emulatedBlockIdx) + ": " +
             std::to_string(atBarrier) + " threads wait at a barrier and " + std::to_string(atShuffle) +
             " at a shuffle (thread " + text(indices_[example]) + " in line " + std::to_string(threads_[example].line) +
             "): neither is reached by all";
}

// Lets waiting threads continue. Returns false if no thread waits any more, or on a failure.
bool Executor::release() {
  const bool live =
      std::any_of(threads_.begin(), threads_.end(), [](const Thread& thread) { return thread.state != State::done; });
  if (!live) return false;
  if (releaseBlock() || (failure_.empty() && releaseWarps())) return true;
  if (failure_.empty()) stuck();
  return false;
}

bool Executor::runBlock(const uint3& block) {
  emulatedBlockIdx = block;
  threads_.assign(launch_->block.x * launch_->block.y * launch_->block.z, Thread{});
  warps_.resize((threads_.size() + kWarp - 1) / kWarp);
  next_ = 0;
  while (next_ < order_.size() && failure_.empty()) {
    const int thread = order_[next_++];
    threads_[thread].fiber = takeFiber();
    resume(thread);
  }
  while (failure_.empty() && release()) {
    for (const int thread : order_) {
      if (threads_[thread].state != State::ready) continue;
      resume(thread);
      if (!failure_.empty()) break;
    }
  }
  return failure_.empty();
}

std::string Executor::run(const Launch& launch) {
  launch_ = &launch;
  failure_.clear();
  emulatedBlockDim = {launch.block.x, launch.block.y, launch.block.z};
  emulatedGridDim = {launch.grid.x, launch.grid.y, launch.grid.z};
  const Order order;
  order_ = order.ofThreads(launch.block.x * launch.block.y * launch.block.z);
  indices_.clear();
  for (unsigned z = 0; z < launch.block.z; ++z) {
    for (unsigned y = 0; y < launch.block.y; ++y) {
      for (unsigned x = 0; x < launch.block.x; ++x) indices_.push_back({x, y, z});
    }
  }
  SharedMemory shared(launch);
  const uint64_t blocks = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  bool fine = true;
  for (uint64_t i = 0; i < blocks && fine; ++i) {
    const uint64_t place = order.block(i, blocks);
    fine = runBlock({static_cast<unsigned>(place % launch.grid.x),
                     static_cast<unsigned>(place / launch.grid.x % launch.grid.y),
                     static_cast<unsigned>(place / launch.grid.x / launch.grid.y)});
    shared.poisonAfterBlock();
  }
  if (!fine) {
    // After a failure, fibers still hold threads that will never continue.
    idle_.clear();
    for (const auto& fiber : fibers_) {
      fiber->reset();
      idle_.push_back(fiber.get());
    }
  }
  launch_ = nullptr;
  return failure_;
}

}  // namespace

std::string objection(const Launch& launch) {
  const dim3 &grid = launch.grid, &block = launch.block;
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  const auto described = [&](const char* what) {
    return std::string(what) + ": grid " + text({grid.x, grid.y, grid.z}) + ", block " +
           text({block.x, block.y, block.z});
  };
  if (threads == 0 || grid.x == 0 || grid.y == 0 || grid.z == 0) return described("an empty grid or block");
  if (threads > 1024 || block.z > 64) return described("a block of more than 1024 threads, or deeper than 64");
  if (grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) {
    return described("a grid beyond 2147483647 x 65535 x 65535");
  }
  return "";
}

std::string execute(const Launch& launch) { return executor.run(launch); }

void waitForBlock(int line) { executor.stopAt(State::atBarrier, line); }

Warp exchange(uint32_t mask, uint64_t value, int line) { return executor.exchange(mask, value, line); }

void fail(const std::string& what) {
  if (Fiber::isInside()) executor.fail(what);
  std::fprintf(stderr, "emulated GPU: %s\n", what.c_str());
  abort();
}

}  // namespace emulator
