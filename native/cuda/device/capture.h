// A step as one CUDA graph: the work enqueued on the device's stream between begin and end, recorded with its pointers.
#pragma once

#include <cuda_runtime_api.h>

#include "cuda/device/device.h"

struct SnGraph {
  explicit SnGraph(SnDevice& device) : device(device) {}
  SnGraph(const SnGraph&) = delete;
  SnGraph& operator=(const SnGraph&) = delete;
  ~SnGraph();

  SnDevice& device;
  cudaGraphExec_t executable = nullptr;
};

namespace saturnn::cuda {

void beginCapture(SnDevice& device);

// Throws if anything since beginCapture() failed. The stream is usable again in any case.
std::unique_ptr<SnGraph> endCapture(SnDevice& device);

void launchGraph(const SnGraph& graph);

}  // namespace saturnn::cuda
