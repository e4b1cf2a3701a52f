#include "cuda/device/uploader.h"

#include <cstring>
#include <string>

#include "cuda/device/check.h"

using saturnn::cuda::checkCuda;

SnUploader::SnUploader(SnDevice& device, size_t bytes) : device(device) {
  try {
    const cudaError_t status = cudaHostAlloc(&pinned_, bytes, cudaHostAllocDefault);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();  // else the next launch check would report it again
      throw saturnn::Error("ERR_OUT_OF_MEMORY", "the host cannot pin " + std::to_string(bytes) + " bytes of memory");
    }
    checkCuda(status, "cudaHostAlloc");
    checkCuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    checkCuda(cudaEventCreateWithFlags(&uploaded_, cudaEventDisableTiming), "cudaEventCreate");
  } catch (...) {
    release();
    throw;
  }
}

SnUploader::~SnUploader() {
  cudaStreamSynchronize(stream_);
  release();
}

void SnUploader::release() {
  if (uploaded_) cudaEventDestroy(uploaded_);
  if (stream_) cudaStreamDestroy(stream_);
  if (pinned_) cudaFreeHost(pinned_);
}

void SnUploader::upload(void* destination, const void* source, size_t bytes) {
  // The copy before may still be reading the pinned memory, if no work has waited for it.
  checkCuda(cudaEventSynchronize(uploaded_), "cudaEventSynchronize");
  std::memcpy(pinned_, source, bytes);
  checkCuda(cudaMemcpyAsync(destination, pinned_, bytes, cudaMemcpyHostToDevice, stream_), "cudaMemcpyAsync");
  checkCuda(cudaEventRecord(uploaded_, stream_), "cudaEventRecord");
}

void SnUploader::await() { checkCuda(cudaStreamWaitEvent(device.stream(), uploaded_, 0), "cudaStreamWaitEvent"); }
