// What every CPU kernel is: made once from an SnOpDesc, launched many times on the device's engine thread, with all of
// its memory given to it.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "shared/error.h"
#include "shared/operands.h"

namespace saturnn::cpu {

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

struct Device;

// Validates the description, whose counts and attributes fit the op table, and makes the kernel, or throws. One per op of
// native/ops.def, defined in its family's source.
using CreateKernel = std::unique_ptr<Kernel>(const SnOpDesc&, Device&);

}  // namespace saturnn::cpu
