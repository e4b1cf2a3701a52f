// One open GPU: its stream, on which all work is enqueued in order, and its cuDNN handle.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>
#include <string>
#include <vector>

#include "cuda/cudnn/graph.h"
#include "cuda/device/libraries.h"
#include "shared/backend.h"

struct SnDevice {
  // Throws an Error that says which piece is missing (driver, cuDNN, cuBLASLt, or the GPU of that index).
  SnDevice(int index, const std::vector<std::string>& searchPaths, std::string cacheFolder);
  SnDevice(const SnDevice&) = delete;
  SnDevice& operator=(const SnDevice&) = delete;
  ~SnDevice();

  // Makes this the current device of the calling thread. Every function of the ABI calls this first.
  void use() const;

  cudaStream_t stream() const { return stream_; }
  cudnnHandle_t cudnn() const { return cudnn_; }
  saturnn::cuda::GraphTarget graphTarget() const { return {libraries_.cudnn, cudnn_, nullptr}; }
  // The folder for choices made by timing; empty: they are not kept.
  const std::string& cacheFolder() const { return cacheFolder_; }
  std::string describe() const;
  // "GPU 0 (NVIDIA H200)"
  const std::string& name() const { return name_; }

  void startTimer();
  double stopTimer();  // milliseconds

 private:
  void release();

  int index_;
  std::string name_;
  std::string cacheFolder_;
  saturnn::cuda::Libraries libraries_;
  cudaStream_t stream_ = nullptr;
  cudnnHandle_t cudnn_ = nullptr;
  cudaEvent_t timerStart_ = nullptr, timerStop_ = nullptr;
};
