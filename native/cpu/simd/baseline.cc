// saturnn's own loops for any x86-64 processor (SSE2). Compile flags: CMakeLists.txt.
#define SIMD_TABLE simdBaseline
#define SIMD_NAME "baseline"
#define SIMD_ACTIVATIONS simdActivationsBaseline
#include "cpu/simd/define_table.h"
