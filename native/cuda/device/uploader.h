// Uploads on a stream of their own: the host's memory is copied to pinned memory, and from there to the device while the
// kernels of an earlier call run.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include "cuda/device/device.h"

struct SnUploader {
  // Throws ERR_OUT_OF_MEMORY if the host has not as much memory to pin.
  SnUploader(SnDevice& device, size_t bytes);
  SnUploader(const SnUploader&) = delete;
  SnUploader& operator=(const SnUploader&) = delete;
  ~SnUploader();

  void upload(void* destination, const void* source, size_t bytes);
  // Makes the device's stream wait for the last upload.
  void await();

  SnDevice& device;

 private:
  void release();

  void* pinned_ = nullptr;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t uploaded_ = nullptr;
};
