// Moving elements between buffers: what copy, concat, slice and assign share.
#pragma once

#include "cpu/kernel.h"

namespace saturnn::cpu {

// y = x, of one shape and one dtype, each perhaps a channel slice, in equal or different layouts. On all threads.
void copyTensor(const SnTensor& xTensor, const void* x, const SnTensor& yTensor, void* y);

}  // namespace saturnn::cpu
