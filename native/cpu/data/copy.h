// Moves elements between buffers, for copy, concat, slice and assign.
#pragma once

#include "cpu/kernel.h"

namespace saturnn::cpu {

// Computes y = x on all threads. Both have the same shape and dtype and may be channel slices; the layouts may differ.
void copyTensor(const SnTensor& xTensor, const void* x, const SnTensor& yTensor, void* y);

}  // namespace saturnn::cpu
