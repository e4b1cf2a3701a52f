// Counts infinite and NaN elements, for Plan::trace(), which finds the first NaN of a step.
#pragma once

#include "core/device.h"
#include "shared/operands.h"

namespace saturnn {

// Returns how many elements of the tensor are infinite or NaN; 0 for integers. `data` is its pointer as kernels get it.
// If the tensor is a slice of channels, only the slice is counted. Waits for the device.
int64_t countNonFinite(Device& device, const SnTensor& tensor, const char* data);

}  // namespace saturnn
