#include "core/loader.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#include <mutex>
#include <vector>

#include "shared/abi.h"
#include "shared/error.h"

namespace saturnn {
namespace {

[[noreturn]] void throwNotFound(const std::string& path, const std::string& reason) {
  throw Error("ERR_BACKEND_NOT_FOUND", "Cannot load the backend library " + path + ": " + reason);
}

std::string loaderText() {
  const char* text = dlerror();
  return text == nullptr ? "dlopen gave no reason" : text;
}

// Whether the process has loaded this library already.
bool isLoaded(const char* library) {
  void* found = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
  if (found != nullptr) dlclose(found);
  return found != nullptr;
}

// The environment of the process with one more variable, while this object lives. setenv() and unsetenv() move what
// another thread may be reading in getenv(). So `environ`, a pointer, is set to a changed copy of the list instead, and
// back: whoever reads either list finds the same strings. Both lists stay for ever.
class WithVariable {
 public:
  explicit WithVariable(char* variable) : before_(__atomic_load_n(&environ, __ATOMIC_ACQUIRE)) {
    static std::vector<std::vector<char*>> lists;
    lists.emplace_back();
    for (char** it = before_; it != nullptr && *it != nullptr; ++it) lists.back().push_back(*it);
    lists.back().push_back(variable);
    lists.back().push_back(nullptr);
    during_ = lists.back().data();
    __atomic_store_n(&environ, during_, __ATOMIC_RELEASE);
  }
  // If another thread has called setenv() in the meantime, the list is its own, and is left as it is.
  ~WithVariable() {
    __atomic_compare_exchange_n(&environ, &during_, before_, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
  }
  WithVariable(const WithVariable&) = delete;
  WithVariable& operator=(const WithVariable&) = delete;

 private:
  char** before_;
  char** during_;
};

void* openLibrary(const char* path) {
  // RTLD_LOCAL: two backends, or two versions of a library that they load, must not see each other's symbols.
  return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

// Sets how long threads of GNU OpenMP, which the CPU backend uses, spin while they wait: by default for milliseconds.
// On a shared host the other threads may be waiting for that very core: a step then takes five to seven times as long.
// libgomp reads the variable once, when it is loaded, so it is set only for that call. A value of the user is kept.
void* openWithShortSpins(const char* path) {
  // Workers open devices at the same time.
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  const bool chosen = getenv("OMP_WAIT_POLICY") != nullptr || getenv("GOMP_SPINCOUNT") != nullptr;
  if (chosen || isLoaded("libgomp.so.1")) return openLibrary(path);
  static char spins[] = "GOMP_SPINCOUNT=1000";
  const WithVariable variable(spins);
  return openLibrary(path);
}

}  // namespace

const SnBackend& loadBackend(const std::string& path) {
  // For a name without a slash dlopen would search the system's folders and could find a different library.
  if (path.empty() || path[0] != '/') throwNotFound("\"" + path + "\"", "the path must be absolute");
  void* library = openWithShortSpins(path.c_str());
  if (library == nullptr) throwNotFound(path, loaderText());
  const auto entry = reinterpret_cast<SnBackendEntry>(dlsym(library, "saturnn_backend"));
  if (entry == nullptr) throwNotFound(path, "it is not a backend of saturnn (" + loaderText() + ")");

  uint32_t ownVersion = 0;
  const SnBackend* backend = entry(abiVersion, &ownVersion);
  if (backend == nullptr || backend->abi_version != abiVersion) {
    throw Error("ERR_BACKEND_ABI", "The backend library " + path + " has ABI version " + std::to_string(ownVersion) +
                                       ", but this addon needs version " + std::to_string(abiVersion) +
                                       ": install or build both from the same release of saturnn");
  }
  return *backend;
}

}  // namespace saturnn
