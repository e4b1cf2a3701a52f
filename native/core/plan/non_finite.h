// Looks for the first NaN of a step: what Plan::trace() says of each kernel when it is asked to.
#pragma once

#include "core/device.h"
#include "shared/operands.h"

namespace saturnn {

// How many elements of the tensor are infinite or NaN; 0 for integers. `data` is its pointer as kernels get it: of a
// slice of channels only the slice is looked at. Waits for the device.
int64_t countNonFinite(Device& device, const SnTensor& tensor, const char* data);

}  // namespace saturnn
