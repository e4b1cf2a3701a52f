// How an error travels inside this backend: as a C++ exception that carries the code JavaScript will see, caught at
// every function of the ABI by guarded(). The code in between needs no status plumbing, and nothing is thrown across.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdio>
#include <exception>
#include <string>
#include <utility>

#include "../backend.h"

namespace saturnn {

class Failure : public std::exception {
 public:
  Failure(std::string code, std::string message) : code_(std::move(code)), message_(std::move(message)) {}
  const char* code() const { return code_.c_str(); }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string code_;
  std::string message_;
};

inline int report(SnError* error, const char* code, const char* message) {
  if (error) {
    std::snprintf(error->code, sizeof error->code, "%s", code);
    std::snprintf(error->message, sizeof error->message, "%s", message);
  }
  return SN_FAILED;
}

template <class Body>
int guarded(SnError* error, Body&& body) noexcept {
  try {
    body();
    return SN_OK;
  } catch (const Failure& failure) {
    return report(error, failure.code(), failure.what());
  } catch (const std::bad_alloc&) {
    return report(error, "ERR_OUT_OF_MEMORY", "the host is out of memory");
  } catch (const std::exception& exception) {
    return report(error, "ERR_INTERNAL", exception.what());
  } catch (...) {
    return report(error, "ERR_INTERNAL", "an exception of unknown type in the CUDA backend");
  }
}

inline void checkCuda(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // the runtime keeps the error; left there, the next launch check would report it again
  throw Failure(status == cudaErrorMemoryAllocation ? "ERR_OUT_OF_MEMORY" : "ERR_CUDA",
                std::string(call) + " failed: " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ")");
}

}  // namespace saturnn
