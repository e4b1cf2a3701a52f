// What cudnnBackendFinalize does with each kind of descriptor.
#pragma once

#include "descriptor.h"

namespace emulated_cudnn {

// Checks the content and derives what its read-only attributes tell. Throws a Failure.
void finalize(Content& content);

}  // namespace emulated_cudnn
