// Emulated device memory: host memory that is registered with its exact bounds, so that copies, cuDNN's operands and
// cudaFree can be held to them.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include "export.h"

namespace emulator {

enum class Where { host, pinned, device };

// Where these bytes lie. `inside`: all of them lie in one allocation (or none in any).
struct Place {
  Where where;
  bool inside;
};
EMULATOR_API Place placeOf(const void* pointer, size_t bytes);

cudaError_t allocateDevice(void** pointer, size_t bytes);
cudaError_t releaseDevice(void* pointer);
cudaError_t allocatePinned(void** pointer, size_t bytes);
cudaError_t releasePinned(void* pointer);

// Of the device: SATURNN_EMULATOR_MEMORY bytes, or 16 GiB.
size_t totalMemory();
size_t freeMemory();

}  // namespace emulator
