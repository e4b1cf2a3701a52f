// The op table of the CPU backend, made from native/ops.def.
#pragma once

#include "cpu/kernel.h"

namespace saturnn::cpu {

extern const SnOpInfo* const opInfos;
extern const int32_t opCount;

// Null if there is no such op.
CreateKernel* findOp(const char* name);

}  // namespace saturnn::cpu
