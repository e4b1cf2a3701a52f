#include "core/exit.h"

#include <map>
#include <mutex>
#include <thread>

#include "core/engine.h"

namespace saturnn {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<Engine*, std::thread::id> openers;
};

// Never destroyed: engines of other threads may use it until the process is gone.
Registry& registry() {
  static Registry* const it = new Registry;
  return *it;
}

// exit() destroys the thread-local objects of its thread before any static object.
struct EndOfThread {
  EndOfThread() = default;
  EndOfThread(const EndOfThread&) = delete;
  EndOfThread& operator=(const EndOfThread&) = delete;

  ~EndOfThread() {
    Registry& all = registry();
    const std::lock_guard<std::mutex> lock(all.mutex);  // no engine is destroyed meanwhile
    const std::thread::id self = std::this_thread::get_id();
    for (const auto& [engine, opener] : all.openers) {
      if (opener == self) engine->stop();
    }
    for (const auto& [engine, opener] : all.openers) {
      if (opener == self) engine->join();
    }
  }
};

}  // namespace

void endWithThread(Engine& engine) {
  thread_local const EndOfThread guard;
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.openers.emplace(&engine, std::this_thread::get_id());
}

void forgetAtExit(Engine& engine) noexcept {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.openers.erase(&engine);
}

}  // namespace saturnn
