// saturnn's own loops for AVX-512 F, BW, DQ and VL, with 512-bit vectors preferred. Compile flags: CMakeLists.txt.
#define SIMD_TABLE simdAvx512
#define SIMD_NAME "avx512"
#define SIMD_ACTIVATIONS simdActivationsAvx512
#include "cpu/simd/define_table.h"
