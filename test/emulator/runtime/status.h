// The runtime's last error, per thread.
#pragma once

#include <cuda_runtime_api.h>

namespace emulator {

// Every function of the runtime returns through this one, which keeps the status for cudaGetLastError.
cudaError_t remember(cudaError_t status);

}  // namespace emulator
