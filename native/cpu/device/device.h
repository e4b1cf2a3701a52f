// What kernels need to know of the device that they are made for. No state is global: a process may open several.
#pragma once

#include <dnnl.hpp>

namespace saturnn::cpu {

struct SimdTable;  // simd/table.h: the own kernels, for one instruction set

struct Device {
  // OpenMP's team size on every thread that creates or launches a kernel: backend.cc sets it before each call, so plain
  // `#pragma omp parallel` is right in kernels. oneDNN fixes its work partition at creation, from the same number.
  int threads;
  const SimdTable* simd;
  dnnl::engine engine;
  dnnl::stream stream;
};

}  // namespace saturnn::cpu
