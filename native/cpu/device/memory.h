// The CPU's device memory.
#pragma once

#include <cstddef>

namespace saturnn::cpu {

// At least 64-byte aligned; zero bytes are allowed. Throws ERR_OUT_OF_MEMORY.
void* allocateMemory(size_t bytes);
// `bytes` as it was allocated.
void releaseMemory(void* memory, size_t bytes);

}  // namespace saturnn::cpu
