// The base class of all CPU kernels. A kernel is made once from an SnOpDesc and launched many times on the device's
// engine thread. All of its memory is passed to it.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "shared/checks.h"

namespace saturnn::cpu {

class Kernel {
 public:
  virtual ~Kernel() = default;

  // Runs the kernel and returns when it is done. `inputs` and `outputs` are in the order of the SnOpDesc; an absent one
  // is null. `scratch` holds info().scratch_bytes bytes, 64-byte aligned, with undefined contents. Must not allocate.
  virtual void launch(void* const* inputs, void* const* outputs, void* scratch) = 0;

  const SnKernelInfo& info() const { return info_; }

 protected:
  // For constructors: reserves `bytes` bytes of the scratch. Returns their offset, a multiple of 64.
  size_t reserveScratch(size_t bytes) {
    const auto offset = static_cast<size_t>(info_.scratch_bytes);
    info_.scratch_bytes += static_cast<int64_t>((bytes + 63) / 64 * 64);
    return offset;
  }

  // For constructors: sets the reported name of the code that will run, e.g. "saturnn:avx512".
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
