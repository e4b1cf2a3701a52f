// Launches a kernel; all launches use this. Arguments are converted to the kernel's parameter types, there is no
// dynamic shared memory, and a launch that fails throws an Error that names the kernel.
#pragma once

#include <cuda_runtime.h>

#include <tuple>
#include <utility>

#include "cuda/device/check.h"

namespace saturnn::cuda {

template <class... Parameters, class... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block, cudaStream_t stream,
            Arguments&&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments), "one argument per parameter");
  std::tuple<Parameters...> values(static_cast<Parameters>(std::forward<Arguments>(arguments))...);
#ifdef SATURNN_EMULATED  // test/emulator compiles the kernels for the host
  checkCuda(emulator::launchKernel(name, kernel, grid, block, stream, values), name);
#else
  std::apply(
      [&](auto&... value) {
        void* pointers[] = {const_cast<void*>(static_cast<const void*>(&value))...};
        checkCuda(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, pointers, 0, stream), name);
      },
      values);
#endif
}

}  // namespace saturnn::cuda
