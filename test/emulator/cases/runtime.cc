// The rules of streams, of capture and of memory.
#include <cstdlib>
#include <vector>

#include "cases.h"

namespace emulator_cases {
namespace {

// Pinned host memory and device memory of one float each, and a stream.
struct Setup {
  float* device = nullptr;
  float* host = nullptr;
  cudaStream_t stream = nullptr;

  Setup() {
    cudaMalloc(reinterpret_cast<void**>(&device), sizeof(float));
    cudaHostAlloc(reinterpret_cast<void**>(&host), sizeof(float), 0);
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    cudaMemsetAsync(device, 0, sizeof(float), stream);
    *host = -1.0f;
  }
  ~Setup() {
    cudaStreamDestroy(stream);
    cudaFreeHost(host);
    cudaFree(device);
  }
  cudaError_t readBack() { return cudaMemcpyAsync(host, device, sizeof(float), cudaMemcpyDeviceToHost, stream); }
};

// Returns the status of a call while the stream is captured, and the status with which the capture then ends.
template <class Call>
std::string whileCaptured(cudaStreamCaptureMode mode, Call&& call) {
  Setup setup;
  cudaStreamBeginCapture(setup.stream, mode);
  const std::string text = textOf(call(setup));
  cudaGraph_t graph = nullptr;
  const std::string end = textOf(cudaStreamEndCapture(setup.stream, &graph));
  if (graph) cudaGraphDestroy(graph);
  return text + ", then " + end;
}

std::string asynchronous() {
  Setup setup;
  launchAddTo(setup.device, 5.0f, setup.stream);
  setup.readBack();
  const float before = *setup.host;
  cudaStreamSynchronize(setup.stream);
  return std::to_string(before) + ", then " + std::to_string(*setup.host);
}

// Arguments and graphs are copied, so changing the variable or destroying the graph later has no effect.
std::string replay() {
  Setup setup;
  float amount = 2.0f;
  cudaStreamBeginCapture(setup.stream, cudaStreamCaptureModeThreadLocal);
  launchAddTo(setup.device, amount, setup.stream);
  setup.readBack();
  cudaGraph_t graph = nullptr;
  cudaStreamEndCapture(setup.stream, &graph);
  amount = 100.0f;
  cudaStreamSynchronize(setup.stream);
  const float before = *setup.host;
  cudaGraphExec_t executable = nullptr;
  cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  for (int i = 0; i < 3; ++i) cudaGraphLaunch(executable, setup.stream);
  cudaGraphExecDestroy(executable);
  cudaStreamSynchronize(setup.stream);
  return std::to_string(before) + ", then " + std::to_string(*setup.host);
}

std::string outOfMemory() {
  void* first = nullptr;
  void* second = nullptr;
  const std::string one = textOf(cudaMalloc(&first, 700000));
  const std::string two = textOf(cudaMalloc(&second, 700000));
  size_t free = 0, total = 0;
  cudaMemGetInfo(&free, &total);
  cudaFree(first);
  const std::string three = textOf(cudaMalloc(&second, 700000));
  cudaFree(second);
  return one + ", " + two + ", " + std::to_string(free) + " of " + std::to_string(total) + " free, " + three;
}

std::string copies() {
  Setup setup;
  float local[2] = {};
  return textOf(cudaMemcpyAsync(setup.device, local, 8, cudaMemcpyHostToDevice, setup.stream)) + ", " +
         textOf(cudaMemcpyAsync(local, local + 1, 4, cudaMemcpyDeviceToHost, setup.stream)) + ", " +
         textOf(cudaMemcpyAsync(setup.device, local, 4, cudaMemcpyHostToDevice, setup.stream));
}

std::string unknownPointer() {
  Setup setup;
  return textOf(cudaFree(setup.device + 1)) + ", " + textOf(cudaMemsetAsync(setup.device, 0, 5, setup.stream));
}

std::string timed() {
  Setup setup;
  cudaEvent_t begin = nullptr, end = nullptr;
  cudaEventCreate(&begin);
  cudaEventCreate(&end);
  cudaEventRecord(begin, setup.stream);
  launchAddTo(setup.device, 1.0f, setup.stream);
  cudaEventRecord(end, setup.stream);
  float milliseconds = -1.0f;
  const std::string early = textOf(cudaEventElapsedTime(&milliseconds, begin, end));
  cudaEventSynchronize(end);
  const std::string late = textOf(cudaEventElapsedTime(&milliseconds, begin, end));
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  return early + ", then " + late + (milliseconds > 0.0f ? " and some time" : " and no time");
}

// Returns the values that a second stream reads while a first one writes, without and with an event between them.
std::string twoStreams() {
  std::string text;
  for (const bool ordered : {false, true}) {
    Setup setup;
    cudaStream_t other = nullptr;
    cudaEvent_t event = nullptr;
    cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking);
    cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
    cudaStreamSynchronize(setup.stream);
    launchAddTo(setup.device, 5.0f, setup.stream);
    cudaEventRecord(event, setup.stream);
    launchAddTo(setup.device, 2.0f, setup.stream);
    if (ordered) cudaStreamWaitEvent(other, event, 0);
    cudaMemcpyAsync(setup.host, setup.device, sizeof(float), cudaMemcpyDeviceToHost, other);
    cudaStreamSynchronize(other);
    text += (ordered ? ", then " : "") + std::to_string(*setup.host);
    cudaEventDestroy(event);
    cudaStreamDestroy(other);
  }
  return text;
}

constexpr auto kGlobal = cudaStreamCaptureModeGlobal;

}  // namespace

const Case kRuntimeCases[] = {
    {"asynchronous", asynchronous},
    {"replay", replay},
    {"out of memory", outOfMemory},
    {"copies", copies},
    {"unknown pointer", unknownPointer},
    {"timed", timed},
    {"two streams", twoStreams},
    {"captured launch",
     [] {
       return whileCaptured(kGlobal, [](Setup& s) {
         launchAddTo(s.device, 1.0f, s.stream);
         return cudaSuccess;
       });
     }},
    {"captured malloc",
     [] {
       return whileCaptured(kGlobal, [](Setup&) {
         void* memory = nullptr;
         return cudaMalloc(&memory, 4);
       });
     }},
    {"relaxed malloc",
     [] {
       return whileCaptured(cudaStreamCaptureModeRelaxed, [](Setup&) {
         void* memory = nullptr;
         const cudaError_t status = cudaMalloc(&memory, 4);
         cudaFree(memory);
         return status;
       });
     }},
    {"captured wait", [] { return whileCaptured(kGlobal, [](Setup& s) { return cudaStreamSynchronize(s.stream); }); }},
    {"captured pageable copy",
     [] {
       return whileCaptured(kGlobal, [](Setup& s) {
         float local = 1.0f;
         return cudaMemcpyAsync(s.device, &local, sizeof local, cudaMemcpyHostToDevice, s.stream);
       });
     }},
    {"captured pinned copy", [] { return whileCaptured(kGlobal, [](Setup& s) { return s.readBack(); }); }},
    {"captured default stream",
     [] { return whileCaptured(kGlobal, [](Setup& s) { return cudaMemset(s.device, 0, 4); }); }},
};
const size_t kRuntimeCaseCount = sizeof kRuntimeCases / sizeof kRuntimeCases[0];

}  // namespace emulator_cases
