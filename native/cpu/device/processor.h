// Properties of the host: how many threads to use, and its name and memory for describe().
#pragma once

#include <cstdint>
#include <string>

namespace saturnn::cpu {

// Returns the number of physical cores that this process may use, limited by a container's CPU quota. Two threads on
// one core share its vector units, so more threads would be slower.
int usableCores();

std::string processorName();
int64_t memoryBytes();

}  // namespace saturnn::cpu
