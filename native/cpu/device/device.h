// The device that kernels are made for. There is no global state: a process may open several devices.
#pragma once

#include <dnnl.hpp>

namespace saturnn::cpu {

struct SimdTable;  // simd/table.h: saturnn's own loops for one instruction set

struct Device {
  // OpenMP's team size on every thread that creates or launches a kernel. backend.cc sets it before each call, so
  // kernels can use plain `#pragma omp parallel`. oneDNN divides its work when a kernel is made, for the same number.
  int threads;
  const SimdTable* simd;
  dnnl::engine engine;
  dnnl::stream stream;
};

}  // namespace saturnn::cpu
