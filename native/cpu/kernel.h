// What every CPU kernel is: made once from an SnOpDesc, launched many times on the device's engine thread, with all of
// its memory given to it. Also the one place where C++ exceptions become SnErrors.
#pragma once

#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "../backend.h"

namespace saturnn {

// An error with a code for JavaScript. Any other exception leaves the backend as ERR_BACKEND.
class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

// The message names the tensor or attribute, what was expected, and what was received. The op's name is put before it.
inline void require(bool condition, const std::string& message) {
  if (!condition) throw Error("ERR_INVALID_ARGUMENT", message);
}

class Kernel {
 public:
  virtual ~Kernel() = default;

  // Runs to the end. `inputs` and `outputs` are in the order of the SnOpDesc; an absent optional one is null. `scratch`
  // holds info().scratch_bytes bytes, 64-byte aligned, contents undefined. Must not allocate.
  virtual void launch(void* const* inputs, void* const* outputs, void* scratch) = 0;

  const SnKernelInfo& info() const { return info_; }

 protected:
  // For constructors: a place of `bytes` bytes within the scratch, as an offset from its start; 64-byte aligned.
  size_t reserveScratch(size_t bytes) {
    const auto offset = static_cast<size_t>(info_.scratch_bytes);
    info_.scratch_bytes += static_cast<int64_t>((bytes + 63) / 64 * 64);
    return offset;
  }

  // For constructors: what will run, e.g. "saturnn:avx512".
  void setImplementation(const std::string& implementation) {
    std::snprintf(info_.implementation, sizeof info_.implementation, "%s", implementation.c_str());
  }

 private:
  SnKernelInfo info_{};
};

// The attribute struct of an op. backend.cc has compared the size with the op table before any kernel is made.
template <typename Attributes>
Attributes attributesOf(const SnOpDesc& desc) {
  Attributes attributes;
  std::memcpy(&attributes, desc.attributes, sizeof attributes);
  return attributes;
}

inline bool isPresent(const SnTensor& tensor) { return tensor.dtype != SN_NONE; }

inline int64_t elementCount(const SnTensor& tensor) {
  int64_t count = 1;
  for (int32_t i = 0; i < tensor.rank; ++i) count *= tensor.shape[i];
  return count;
}

inline void writeError(SnError* error, const char* code, const std::string& message) {
  if (!error) return;
  std::snprintf(error->code, sizeof error->code, "%s", code);
  std::snprintf(error->message, sizeof error->message, "%s", message.c_str());
}

// Runs `body`; whatever it throws is written to `error`, with `context` ("[conv2d] ") before the message.
template <typename Body>
int guarded(SnError* error, const char* context, Body&& body) noexcept {
  try {
    body();
    return SN_OK;
  } catch (const Error& e) {
    writeError(error, e.code().c_str(), context + std::string(e.what()));
  } catch (const std::bad_alloc&) {
    writeError(error, "ERR_OUT_OF_MEMORY", std::string(context) + "Out of memory");
  } catch (const std::exception& e) {
    writeError(error, "ERR_BACKEND", context + std::string(e.what()));
  } catch (...) {
    writeError(error, "ERR_BACKEND", std::string(context) + "Unknown exception");
  }
  return SN_FAILED;
}

}  // namespace saturnn
