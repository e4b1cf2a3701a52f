// Streams. Enqueued work runs only when a call waits for it, as late as CUDA allows, so that code which reads a result
// without waiting finds the old value. All streams share one queue, in the order of the calls.
//
// A stream that is being captured records work instead, and a graph is such a record. Calls that are forbidden during
// capture on a GPU (allocation, waiting, copies from pageable memory) fail here too, and invalidate the capture.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <string>

#include "executor.h"
#include "export.h"

namespace emulator {

// A piece of work. Returns what went wrong; empty if nothing did.
using Work = std::function<std::string()>;

// Checks the dimensions, then enqueues or records.
EMULATOR_API cudaError_t launch(Launch launch, cudaStream_t stream);
EMULATOR_API cudaError_t enqueue(cudaStream_t stream, Work work);

EMULATOR_API bool isCapturing(cudaStream_t stream);
// To be called by functions that a captured stream does not allow (such as waiting for it). Returns success if the stream
// is not captured; else invalidates the capture and returns the error.
cudaError_t refuseWhileCaptured(cudaStream_t stream);
// The same for functions that are unsafe while any stream is captured (cudaMalloc), by cudaStreamCaptureMode.
EMULATOR_API cudaError_t refuseWhileAnyCaptured();

// Runs all enqueued work. Returns cudaErrorLaunchFailure if some of it failed: the work behind it is dropped, and the
// error is reported once (a real context could not be used any more).
cudaError_t runQueue();

// Text of the last failure of a kernel, for cudaGetErrorString.
const char* failureText();

}  // namespace emulator
