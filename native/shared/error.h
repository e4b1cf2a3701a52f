// Errors of the native code: an Error is thrown with the code that JavaScript sees in error.code. The core and each
// backend have their own copy of this class, so no exception may cross the C ABI: guarded() turns it into an SnError.
// The addon turns it into a JavaScript error. Both take code and message from describe().
#pragma once

#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "shared/backend.h"

namespace saturnn {

class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

// The code and the message of an exception. Both pointers are valid while `exception` is kept: an Error holds its texts.
struct Failure {
  std::exception_ptr exception;
  const char* code;
  const char* message;
};

// Returns the code and message of any exception: an Error's own, ERR_OUT_OF_MEMORY for bad_alloc, else ERR_INTERNAL.
// This is the only place that maps C++ exceptions to codes. It allocates nothing, because memory may have run out.
inline Failure describe(std::exception_ptr exception) noexcept {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return {std::move(exception), error.code().c_str(), error.what()};
  } catch (const std::bad_alloc&) {
    return {std::move(exception), "ERR_OUT_OF_MEMORY", "Out of memory on the host"};
  } catch (const std::exception& error) {
    return {std::move(exception), "ERR_INTERNAL", error.what()};
  } catch (...) {
    return {std::move(exception), "ERR_INTERNAL", "an exception of unknown type"};
  }
}

// Fills `error`, unless it is null, and returns SN_FAILED. With `op` not null, "[op] " comes before the message.
// Allocates nothing.
inline int writeError(SnError* error, const char* code, const char* op, const char* message) noexcept {
  if (error != nullptr) {
    std::snprintf(error->code, sizeof error->code, "%s", code);
    const bool named = op != nullptr;
    std::snprintf(error->message, sizeof error->message, "%s%s%s%s", named ? "[" : "", named ? op : "",
                  named ? "] " : "", message);
  }
  return SN_FAILED;
}

// Runs `body` and returns SN_OK, or SN_FAILED with `error` filled if it throws. Every function of a backend's table that
// can throw is one call of this.
template <class Body>
int guarded(SnError* error, const char* op, Body&& body) noexcept {
  try {
    body();
    return SN_OK;
  } catch (...) {
    const Failure failure = describe(std::current_exception());
    return writeError(error, failure.code, op, failure.message);
  }
}

template <class Body>
int guarded(SnError* error, Body&& body) noexcept {
  return guarded(error, nullptr, body);
}

}  // namespace saturnn
