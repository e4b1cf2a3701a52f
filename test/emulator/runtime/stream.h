// Streams: what is enqueued runs when somebody waits for it, as late as CUDA allows, so that code which reads a result
// without waiting finds the old one. All streams share one queue, in the order of the calls.
//
// A stream that is being captured records instead, and a graph is such a record. What a GPU refuses during capture
// (allocation, waiting, copies from pageable memory) is refused here, and spoils the capture in the same way.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <string>

#include "executor.h"
#include "export.h"

namespace emulator {

// Empty, or what went wrong.
using Work = std::function<std::string()>;

// Checks the dimensions, then enqueues or records.
EMULATOR_API cudaError_t launch(Launch launch, cudaStream_t stream);
EMULATOR_API cudaError_t enqueue(cudaStream_t stream, Work work);

EMULATOR_API bool isCapturing(cudaStream_t stream);
// A call that no capture allows on this stream (waiting for it). Success if it is not captured; else the error, and the
// capture is spoilt.
cudaError_t refuseWhileCaptured(cudaStream_t stream);
// A call that is unsafe while any stream is captured (cudaMalloc), by the rules of cudaStreamCaptureMode.
EMULATOR_API cudaError_t refuseWhileAnyCaptured();

// Runs all that is enqueued. cudaErrorLaunchFailure if something of it failed: what came after that is dropped, and
// the error is told once (a real context would be lost for good).
cudaError_t runQueue();

// Text of the last failure of a kernel, for cudaGetErrorString.
const char* failureText();

}  // namespace emulator
