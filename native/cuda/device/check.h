// Throws an Error for a failed call of the CUDA runtime.
#pragma once

#include <cuda_runtime_api.h>

#include "shared/error.h"

namespace saturnn::cuda {

inline void checkCuda(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // the runtime keeps the error; left there, the next launch check would report it again
  throw Error(status == cudaErrorMemoryAllocation ? "ERR_CUDA_OOM" : "ERR_CUDA",
              std::string(call) + " failed: " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ")");
}

}  // namespace saturnn::cuda
