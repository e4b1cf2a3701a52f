// saturnn's own loops for AVX2 and FMA. Compile flags: CMakeLists.txt.
#define SIMD_TABLE simdAvx2
#define SIMD_NAME "avx2"
#define SIMD_ACTIVATIONS simdActivationsAvx2
#include "cpu/simd/define_table.h"
