// The runtime's last error, per thread.
#pragma once

#include <cuda_runtime_api.h>

namespace emulator {

// What every function of the runtime returns through: cudaGetLastError tells of it later.
cudaError_t remember(cudaError_t status);

}  // namespace emulator
