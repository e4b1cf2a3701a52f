#include "core/exit.h"

#include <cxxabi.h>

#include <array>
#include <mutex>
#include <set>

#include "core/engine.h"

namespace saturnn {
namespace {

struct Registry {
  std::mutex mutex;
  std::set<Engine*> engines;
  // The handler is registered under one of two names in turn, so that at every moment there is one.
  std::array<char, 2> names{};
  size_t current = 0;
  bool isRegistered = false;
  const void* removed = nullptr;
};

// Never destroyed: engines of other threads may use it until the process is gone.
Registry& registry() {
  static Registry* const it = new Registry;
  return *it;
}

// Runs in exit(), or in __cxa_finalize() when its registration is removed.
void endEngines(void* name) {
  Registry& all = registry();
  if (name == all.removed) return;
  const std::lock_guard<std::mutex> lock(all.mutex);  // no engine is destroyed meanwhile
  for (Engine* engine : all.engines) engine->stop();
  for (Engine* engine : all.engines) engine->join();
}

}  // namespace

void endAtExit(Engine& engine) {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.engines.insert(&engine);
}

void forgetAtExit(Engine& engine) noexcept {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.engines.erase(&engine);
}

void renewExitHandler() noexcept {
  Registry& all = registry();
  // Whoever holds the lock renews it as well, or the process is ending and waits for this thread.
  const std::unique_lock<std::mutex> lock(all.mutex, std::try_to_lock);
  if (!lock.owns_lock()) return;
  const size_t next = 1 - all.current;
  all.removed = nullptr;
  if (abi::__cxa_atexit(endEngines, &all.names[next], &all.names[next]) != 0) return;  // it is exiting already
  all.removed = &all.names[all.current];
  if (all.isRegistered) abi::__cxa_finalize(&all.names[all.current]);
  all.current = next;
  all.isRegistered = true;
}

}  // namespace saturnn
