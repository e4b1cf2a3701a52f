// The built-in variables of a kernel, set before a thread goes on. __thread, not thread_local: they are read without
// asking first whether they were initialised.
#pragma once

#include <vector_types.h>

#include "export.h"

EMULATOR_API extern __thread uint3 emulatedThreadIdx, emulatedBlockIdx;
EMULATOR_API extern __thread uint3 emulatedBlockDim, emulatedGridDim;
