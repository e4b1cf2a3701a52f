// The activations for AVX-512 F, BW, DQ and VL, with 512-bit vectors preferred. Compile flags: CMakeLists.txt.
#define SIMD_ACTIVATIONS simdActivationsAvx512
#include "cpu/simd/define_activations.h"
