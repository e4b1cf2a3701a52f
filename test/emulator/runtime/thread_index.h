// The built-in variables of a kernel, which are set before a thread continues. They are read often: __thread avoids the
// check of thread_local whether they were initialised, and this access model avoids the call that finds their address.
#pragma once

#include <vector_types.h>

#include "export.h"

#define EMULATOR_THREAD_LOCAL EMULATOR_API __attribute__((tls_model("initial-exec"))) extern __thread

EMULATOR_THREAD_LOCAL uint3 emulatedThreadIdx, emulatedBlockIdx;
EMULATOR_THREAD_LOCAL uint3 emulatedBlockDim, emulatedGridDim;
