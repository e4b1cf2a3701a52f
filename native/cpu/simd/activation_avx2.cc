// The activations for AVX2 and FMA. Compile flags: CMakeLists.txt.
#define SIMD_ACTIVATIONS simdActivationsAvx2
#include "cpu/simd/define_activations.h"
