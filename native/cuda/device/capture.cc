#include "cuda/device/capture.h"

#include "cuda/device/check.h"

SnGraph::~SnGraph() {
  if (executable) cudaGraphExecDestroy(executable);
}

namespace saturnn::cuda {

// Thread-local, because another engine of this process may allocate at the same time.
void beginCapture(SnDevice& device) {
  checkCuda(cudaStreamBeginCapture(device.stream(), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
}

std::unique_ptr<SnGraph> endCapture(SnDevice& device) {
  cudaGraph_t recorded = nullptr;
  checkCuda(cudaStreamEndCapture(device.stream(), &recorded), "cudaStreamEndCapture");
  auto graph = std::make_unique<SnGraph>(device);
  const cudaError_t status = cudaGraphInstantiate(&graph->executable, recorded, 0);
  cudaGraphDestroy(recorded);
  checkCuda(status, "cudaGraphInstantiate");
  checkCuda(cudaGraphUpload(graph->executable, device.stream()), "cudaGraphUpload");
  return graph;
}

void launchGraph(const SnGraph& graph) {
  checkCuda(cudaGraphLaunch(graph.executable, graph.device.stream()), "cudaGraphLaunch");
}

}  // namespace saturnn::cuda
