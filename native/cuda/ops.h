// The op table of the CUDA backend, made from native/ops.def.
#pragma once

#include "cuda/kernel.h"

namespace saturnn::cuda {

extern const SnOpInfo* const opInfos;
extern const int32_t opCount;

// Throws ERR_UNSUPPORTED if there is no such op.
KernelPointer createKernel(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info);

}  // namespace saturnn::cuda
