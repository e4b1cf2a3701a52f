// The version of the C ABI: both sides of it must have exactly the same.
#pragma once

#include <stdint.h>

namespace saturnn {

// A hash of backend.h, ops.def with the families' tables, and activations.def, made when the libraries are built
// (cmake/AbiVersion.cmake).
extern const uint32_t abiVersion;

}  // namespace saturnn
