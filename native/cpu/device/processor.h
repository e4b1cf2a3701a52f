// Properties of the host, for the default number of threads and for describe().
#pragma once

#include <cstdint>
#include <string>

namespace saturnn::cpu {

// Returns the number of physical cores that this process may use, limited by a container's CPU quota. Two threads on
// one core share its vector units, so more threads would be slower.
int usableCores();

std::string processorName();
// Returns the bytes of memory that this process may use: those installed, or the limit of a control group.
int64_t memoryBytes();

}  // namespace saturnn::cpu
