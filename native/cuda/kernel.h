// A kernel of a plan, and what the op files share to make one.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "cuda/device/device.h"
#include "cuda/kernels/common/rows.h"
#include "shared/operands.h"

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

// The product of all dimensions but the last.
int64_t rowCount(const SnTensor& tensor);

// The view of a tensor, given the pointer of launch(): the start of the buffer that it may be a slice of.
ConstRows constRows(const SnTensor& tensor, const void* buffer);
Rows rows(const SnTensor& tensor, void* buffer);

// Throw ERR_INVALID_ARGUMENT, with the op's and the argument's name, what was expected and what was found.
// requireF32, requireFloats and requireLike take channel slices too; requireDense and requireVector want dense f32.
void requireF32(const SnOpDesc& op, const char* argument, const SnTensor& tensor);
void requireFloats(const SnOpDesc& op, const char* argument, const SnTensor& tensor);  // f32, bf16 or f16
void requireLike(const SnOpDesc& op, const char* argument, const SnTensor& tensor, const SnTensor& other);
void requireVector(const SnOpDesc& op, const char* argument, const SnTensor& tensor, int64_t length);
void requireI32(const SnOpDesc& op, const char* argument, const SnTensor& tensor, int64_t length);
void requireView(const SnOpDesc& op, const char* argument, const SnTensor& tensor);
void requirePlain(const SnOpDesc& op, const char* argument, const SnTensor& tensor);
void requireSameDType(const SnOpDesc& op, const char* argument, const SnTensor& tensor, const SnTensor& other);
void requireDense(const SnOpDesc& op, const char* argument, const SnTensor& tensor);
void requireShape(const SnOpDesc& op, const char* argument, const SnTensor& tensor,
                  std::initializer_list<int64_t> shape);
void requireSameShape(const SnOpDesc& op, const char* argument, const SnTensor& tensor, const SnTensor& other);
[[noreturn]] void refuse(const SnOpDesc& op, const std::string& argument, const std::string& expected,
                         const std::string& received);

inline void setImplementation(SnKernelInfo& info, const std::string& name, int64_t scratchBytes = 0) {
  std::snprintf(info.implementation, sizeof info.implementation, "%s", name.c_str());
  info.scratch_bytes = scratchBytes;
}

}  // namespace saturnn::cuda
