// Loads a backend library and checks that it was built from the same backend.h. A backend is never unloaded: its worker
// threads, and CUDA, outlive any device.
#pragma once

#include <string>

#include "shared/backend.h"

namespace saturnn {

// Throws ERR_BACKEND_NOT_FOUND (path and dlopen's text) or ERR_BACKEND_ABI (both versions).
const SnBackend& loadBackend(const std::string& path);

}  // namespace saturnn
