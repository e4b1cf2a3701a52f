// The base class of the CUDA kernels of a plan, and helpers to make one.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "cuda/device/device.h"
#include "cuda/kernels/common/rows.h"
#include "shared/checks.h"

struct SnKernel {
  explicit SnKernel(SnDevice& device) : device(device) {}
  virtual ~SnKernel() = default;
  // Enqueues on the device's stream. Throws an Error.
  virtual void launch(void* const* inputs, void* const* outputs, void* scratch) = 0;

  SnDevice& device;
};

namespace saturnn::cuda {

using KernelPointer = std::unique_ptr<SnKernel>;

// Validates the description, whose counts and attributes fit the op table, and makes the kernel, or throws an Error. One
// per op of native/ops.def, defined in its family's source.
using CreateKernel = KernelPointer(SnDevice&, const SnOpDesc&, SnKernelInfo&);

size_t byteCount(const SnTensor& tensor);

// Return the view of a tensor. `buffer` is the pointer of launch(): the start of the buffer that the tensor may be a
// slice of.
ConstRows constRows(const SnTensor& tensor, const void* buffer);
Rows rows(const SnTensor& tensor, void* buffer);

inline void setImplementation(SnKernelInfo& info, const std::string& name, int64_t scratchBytes = 0) {
  std::snprintf(info.implementation, sizeof info.implementation, "%s", name.c_str());
  info.scratch_bytes = scratchBytes;
}

}  // namespace saturnn::cuda
