// The built-in variables of a kernel, set before a thread goes on. They are read often: __thread, not thread_local,
// spares the question whether they were initialised, and this access model the call that finds their address.
#pragma once

#include <vector_types.h>

#include "export.h"

#define EMULATOR_THREAD_LOCAL EMULATOR_API __attribute__((tls_model("initial-exec"))) extern __thread

EMULATOR_THREAD_LOCAL uint3 emulatedThreadIdx, emulatedBlockIdx;
EMULATOR_THREAD_LOCAL uint3 emulatedBlockDim, emulatedGridDim;
