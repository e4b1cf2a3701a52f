#include "core/loader.h"

#include <dlfcn.h>
#include <stdlib.h>

#include <mutex>

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

// Sets how long threads of GNU OpenMP, which the CPU backend uses, spin while they wait: by default for milliseconds.
// On a shared host the other threads may be waiting for that very core: a step then takes five to seven times as long.
// libgomp reads the variable once, when it is loaded, so it is set only for that call. A value of the user is kept.
void* openWithShortSpins(const char* path) {
  // Workers open devices at the same time, and the environment belongs to all threads: setenv may move what another
  // thread is reading in getenv. So it is changed as seldom as can be, by one thread at a time.
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  const bool chosen = getenv("OMP_WAIT_POLICY") != nullptr || getenv("GOMP_SPINCOUNT") != nullptr;
  const bool isRead = !chosen && !isLoaded("libgomp.so.1");
  if (isRead) setenv("GOMP_SPINCOUNT", "1000", /*overwrite=*/0);
  // RTLD_LOCAL: two backends, or two versions of a library that they load, must not see each other's symbols.
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (isRead) unsetenv("GOMP_SPINCOUNT");
  return library;
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
