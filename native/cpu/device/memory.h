// The CPU's device memory.
#pragma once

#include <cstddef>

namespace saturnn::cpu {

// Returns memory that is at least 64-byte aligned; zero bytes are allowed. Throws ERR_OUT_OF_MEMORY.
void* allocateMemory(size_t bytes);
// `bytes` must be the size that was allocated.
void releaseMemory(void* memory, size_t bytes);

}  // namespace saturnn::cpu
