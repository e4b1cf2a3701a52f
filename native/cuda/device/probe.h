// The CUDA backend's part of `doctor`: every piece that works and every piece that is missing, as JSON.
#pragma once

#include <string>
#include <vector>

#include "cuda/device/driver.h"
#include "cuda/device/libraries.h"
#include "shared/backend.h"

namespace saturnn::cuda {

// {"usable": bool,
//  "driver":   {"usable", "cuda": "13.0", "devices": ["NVIDIA H200"], "problem"?},
//  "cudnn":    {"usable", "path"?, "version"?, "tried": [], "missing": [], "problem"?}, and so "cublasLt", "nvrtc",
//  "missing":  [{"code": "ERR_...", "message": "..."}],
//  "oldest":   {"driverCuda": "13.0", "cudnn": "9.8"},
//  "ops":      `ops`, JSON}
std::string probeJson(const DriverReport& driver, const Libraries& libraries, const std::string& ops);

}  // namespace saturnn::cuda
