#include "cpu/simd/table.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include "cpu/kernel.h"

namespace saturnn::cpu {

namespace {

struct Candidate {
  const SimdTable* table;
  bool supported;
};

}  // namespace

const SimdTable& selectSimdTable() {
  __builtin_cpu_init();
  // The features that CMakeLists.txt compiles each object for. libgcc also asks whether the operating system saves the
  // wide registers.
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const Candidate candidates[] = {{&simdAvx512, avx512}, {&simdAvx2, avx2}, {&simdBaseline, true}};

  const char* wanted = std::getenv("SATURNN_CPU_ISA");
  std::string supported;
  for (const Candidate& candidate : candidates) {
    if (!candidate.supported) continue;
    if (!wanted || std::strcmp(wanted, candidate.table->name) == 0) return *candidate.table;
    supported += supported.empty() ? "" : ", ";
    supported += candidate.table->name;
  }
  throw Error("ERR_INVALID_ARGUMENT", "Expected one of " + supported +
                                          " (what this processor supports) for SATURNN_CPU_ISA but received \"" +
                                          wanted + "\"");
}

}  // namespace saturnn::cpu
