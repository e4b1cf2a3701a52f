// How an error travels: as a C++ exception with the code that JavaScript sees in error.code. The core and each backend
// have their own copy: it never crosses the C ABI (guarded() turns it into an SnError) and never leaves the engine
// thread (it becomes the rejection of a promise).
#pragma once

#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "shared/backend.h"

namespace saturnn {

class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

// For backends. `op`: put before the message as "[op] "; null: nothing is. Allocates nothing.
inline int writeError(SnError* error, const char* code, const char* op, const char* message) noexcept {
  if (error != nullptr) {
    std::snprintf(error->code, sizeof error->code, "%s", code);
    const bool named = op != nullptr;
    std::snprintf(error->message, sizeof error->message, "%s%s%s%s", named ? "[" : "", named ? op : "",
                  named ? "] " : "", message);
  }
  return SN_FAILED;
}

// Every function of a backend's table that can throw is one call of this: nothing that `body` throws leaves it.
template <class Body>
int guarded(SnError* error, const char* op, Body&& body) noexcept {
  try {
    body();
    return SN_OK;
  } catch (const Error& failure) {
    return writeError(error, failure.code().c_str(), op, failure.what());
  } catch (const std::bad_alloc&) {
    return writeError(error, "ERR_OUT_OF_MEMORY", op, "Out of memory on the host");
  } catch (const std::exception& failure) {
    return writeError(error, "ERR_BACKEND", op, failure.what());
  } catch (...) {
    return writeError(error, "ERR_BACKEND", op, "an exception of unknown type");
  }
}

template <class Body>
int guarded(SnError* error, Body&& body) noexcept {
  return guarded(error, nullptr, body);
}

}  // namespace saturnn
