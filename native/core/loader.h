// Loads a backend library and checks that it was built from the same backend.h. A backend is never unloaded, because
// its worker threads, and CUDA, live longer than any device.
#pragma once

#include <string>

#include "shared/backend.h"

namespace saturnn {

// Throws ERR_BACKEND_NOT_FOUND (with the path and dlopen's text) or ERR_BACKEND_ABI (with both versions).
const SnBackend& loadBackend(const std::string& path);

}  // namespace saturnn
