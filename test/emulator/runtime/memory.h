// Emulated device memory: host memory that is registered with its exact bounds, by which copies, operands of cuDNN and
// arguments of cudaFree are checked.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include "export.h"

namespace emulator {

enum class Where { host, pinned, device };

// The kind of memory in which some bytes lie. `inside`: whether all of them lie in one allocation (or none in any).
struct Place {
  Where where;
  bool inside;
};
EMULATOR_API Place placeOf(const void* pointer, size_t bytes);

cudaError_t allocateDevice(void** pointer, size_t bytes);
cudaError_t releaseDevice(void* pointer);
cudaError_t allocatePinned(void** pointer, size_t bytes);
cudaError_t releasePinned(void* pointer);

// Size of the device's memory: SATURNN_EMULATOR_MEMORY bytes, or 16 GiB.
size_t totalMemory();
size_t freeMemory();

}  // namespace emulator
