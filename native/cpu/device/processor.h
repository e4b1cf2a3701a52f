// What the backend must know of the host: how many threads to use, and its name and memory for describe().
#pragma once

#include <cstdint>
#include <string>

namespace saturnn::cpu {

// Physical cores that this process may use. Two threads on one core share its vector units, so more are slower; a
// container's CPU quota counts as well.
int usableCores();

std::string processorName();
int64_t memoryBytes();

}  // namespace saturnn::cpu
