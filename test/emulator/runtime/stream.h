// Streams. Enqueued work runs only when a call waits for it, as late as CUDA allows, so that code which reads a result
// without waiting finds the old value. Each stream has a queue of its own: without an event that orders them, work of one
// stream does not see what another was asked to do before.
//
// A stream that is being captured records work instead, and a graph is such a record. Calls that are forbidden during
// capture on a GPU (allocation, waiting, copies from pageable memory) fail here too, and invalidate the capture.
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
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

// A place in a stream's queue: where an event was recorded.
struct Mark {
  cudaStream_t stream;
  std::atomic<bool> isReached{false};
  std::chrono::steady_clock::time_point at;
};
std::shared_ptr<const Mark> enqueueMark(cudaStream_t stream, cudaError_t& status);
// Makes the stream wait: the work that is enqueued after this runs when that place has been reached.
cudaError_t enqueueWait(cudaStream_t stream, std::shared_ptr<const Mark> mark);

// Run the work of all streams, of one stream, and of a stream up to a place, with what it waits for in other streams.
// They return cudaErrorLaunchFailure if some of it failed: all other work is dropped, and the error is reported once (a real
// context could not be used any more).
cudaError_t runAll();
cudaError_t runStream(cudaStream_t stream);
cudaError_t runUntil(const Mark& mark);

// Text of the last failure of a kernel, for cudaGetErrorString.
const char* failureText();

}  // namespace emulator
