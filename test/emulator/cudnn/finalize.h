// Implements cudnnBackendFinalize for each kind of descriptor.
#pragma once

#include "descriptor.h"

namespace emulated_cudnn {

// Checks the content and computes its read-only attributes. Throws a Failure.
void finalize(Content& content);

}  // namespace emulated_cudnn
