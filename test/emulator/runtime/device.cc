// The device that is emulated, errors, and events.
#include <cuda_runtime_api.h>

#include <chrono>
#include <cstring>
#include <string>

#include "memory.h"
#include "status.h"
#include "stream.h"

using emulator::remember;

struct CUevent_st {
  std::shared_ptr<const emulator::Mark> mark;  // null: never recorded
  bool captured = false;
};

namespace {

thread_local cudaError_t lastError = cudaSuccess;
constexpr int kMultiprocessors = 132;

}  // namespace

cudaError_t emulator::remember(cudaError_t status) {
  if (status != cudaSuccess) lastError = status;
  return status;
}

extern "C" {

EMULATOR_API cudaError_t cudaGetLastError() {
  const cudaError_t status = lastError;
  lastError = cudaSuccess;
  return status;
}

EMULATOR_API cudaError_t cudaPeekAtLastError() { return lastError; }

EMULATOR_API const char* cudaGetErrorName(cudaError_t status) {
  switch (status) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
    case cudaErrorInvalidConfiguration: return "cudaErrorInvalidConfiguration";
    case cudaErrorLaunchFailure: return "cudaErrorLaunchFailure";
    case cudaErrorIllegalAddress: return "cudaErrorIllegalAddress";
    case cudaErrorStreamCaptureUnsupported: return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorStreamCaptureInvalidated: return "cudaErrorStreamCaptureInvalidated";
    case cudaErrorStreamCaptureImplicit: return "cudaErrorStreamCaptureImplicit";
    case cudaErrorStreamCaptureWrongThread: return "cudaErrorStreamCaptureWrongThread";
    case cudaErrorInvalidDevice: return "cudaErrorInvalidDevice";
    case cudaErrorNotReady: return "cudaErrorNotReady";
    default: return "cudaErrorUnknown";
  }
}

// Unlike on a GPU, the text also says what the kernel did.
EMULATOR_API const char* cudaGetErrorString(cudaError_t status) {
  switch (status) {
    case cudaSuccess: return "no error";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorInvalidConfiguration:
    case cudaErrorLaunchFailure: return emulator::failureText();
    case cudaErrorIllegalAddress: return "memory beyond an allocation was written";
    case cudaErrorStreamCaptureUnsupported: return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated: return "operation failed due to a previous error during capture";
    default: return cudaGetErrorName(status);
  }
}

EMULATOR_API cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaSetDevice(int device) {
  return remember(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}

EMULATOR_API cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return remember(cudaErrorInvalidDevice);
  memset(properties, 0, sizeof *properties);
  strcpy(properties->name, "Emulated GPU");
  properties->totalGlobalMem = emulator::totalMemory();
  properties->multiProcessorCount = kMultiprocessors;
  properties->major = 9;
  properties->minor = 0;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = 1024;
  properties->sharedMemPerBlock = 48 * 1024;
  properties->l2CacheSize = 50 * 1024 * 1024;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (device != 0) return remember(cudaErrorInvalidDevice);
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock: *value = 1024; break;
    case cudaDevAttrWarpSize: *value = 32; break;
    case cudaDevAttrMultiProcessorCount: *value = kMultiprocessors; break;
    case cudaDevAttrComputeCapabilityMajor: *value = 9; break;
    case cudaDevAttrComputeCapabilityMinor: *value = 0; break;
    case cudaDevAttrL2CacheSize: *value = 50 * 1024 * 1024; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *value = 48 * 1024; break;
    default: return remember(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaDeviceReset() { return remember(emulator::runAll()); }

EMULATOR_API cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int) {
  *event = new CUevent_st;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, 0); }

EMULATOR_API cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  event->captured = emulator::isCapturing(stream);
  if (event->captured) return cudaSuccess;  // no work: it only marks a place in the graph
  cudaError_t status = cudaSuccess;
  event->mark = emulator::enqueueMark(stream, status);
  return remember(status);
}

EMULATOR_API cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (event->captured) return remember(cudaErrorCapturedEvent);
  return event->mark ? remember(emulator::runUntil(*event->mark)) : cudaSuccess;
}

EMULATOR_API cudaError_t cudaEventQuery(cudaEvent_t event) { return cudaEventSynchronize(event); }

EMULATOR_API cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  const auto isReached = [](cudaEvent_t event) { return event->mark && event->mark->isReached; };
  if (!isReached(begin) || !isReached(end)) return remember(cudaErrorNotReady);
  *milliseconds = std::chrono::duration<float, std::milli>(end->mark->at - begin->mark->at).count();
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int) {
  if (event->captured) return remember(cudaErrorCapturedEvent);
  return remember(emulator::enqueueWait(stream, event->mark));
}

}  // extern "C"
