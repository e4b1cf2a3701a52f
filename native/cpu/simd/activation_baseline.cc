// The activations for any x86-64 processor (SSE2). Compile flags: CMakeLists.txt.
#define SIMD_ACTIVATIONS simdActivationsBaseline
#include "cpu/simd/define_activations.h"
