// See stream.h. Also the functions of the CUDA runtime about streams, capture and graphs.
#include "stream.h"

#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "status.h"

using emulator::remember;
using emulator::Work;

struct CUgraph_st {
  std::vector<Work> work;
};

struct CUgraphExec_st {
  std::shared_ptr<const std::vector<Work>> work;
};

namespace emulator {
namespace {

// Work, or a place in another stream that must be reached before what follows.
struct Item {
  Work work;
  std::shared_ptr<const Mark> awaited;
};

}  // namespace
}  // namespace emulator

struct CUstream_st {
  std::deque<emulator::Item> queue;
  std::unique_ptr<CUgraph_st> capture;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id capturedBy;
  bool spoilt = false;
};

namespace emulator {
namespace {

constexpr size_t kLongestQueue = 4096;

std::recursive_mutex mutex;
std::set<CUstream_st*> streams;
CUstream_st defaultStream;
std::string lastFailure;

using Lock = std::lock_guard<std::recursive_mutex>;

cudaError_t spoil(CUstream_st& stream) {
  stream.spoilt = true;
  return cudaErrorStreamCaptureUnsupported;
}

CUstream_st& streamOf(cudaStream_t stream) { return stream ? *stream : defaultStream; }

cudaError_t fail(const std::string& failure) {
  lastFailure = failure;
  defaultStream.queue.clear();
  for (CUstream_st* stream : streams) stream->queue.clear();
  return cudaErrorLaunchFailure;
}

// Runs a stream's work until `end` is reached; null: all of it.
cudaError_t run(CUstream_st& stream, const Mark* end) {
  while (!stream.queue.empty() && !(end && end->isReached)) {
    const Item item = std::move(stream.queue.front());
    stream.queue.pop_front();
    if (item.awaited) {
      if (item.awaited->isReached) continue;
      if (const cudaError_t status = run(streamOf(item.awaited->stream), item.awaited.get())) return status;
      continue;
    }
    const std::string failure = item.work();
    if (!failure.empty()) return fail(failure);
  }
  return cudaSuccess;
}

}  // namespace

const char* failureText() { return lastFailure.c_str(); }

cudaError_t runAll() {
  Lock lock(mutex);
  for (CUstream_st* stream : streams) {
    if (const cudaError_t status = run(*stream, nullptr)) return status;
  }
  return run(defaultStream, nullptr);
}

cudaError_t runStream(cudaStream_t stream) {
  Lock lock(mutex);
  return run(streamOf(stream), nullptr);
}

cudaError_t runUntil(const Mark& mark) {
  Lock lock(mutex);
  return mark.isReached ? cudaSuccess : run(streamOf(mark.stream), &mark);
}

std::shared_ptr<const Mark> enqueueMark(cudaStream_t stream, cudaError_t& status) {
  const auto mark = std::make_shared<Mark>();
  mark->stream = stream;
  status = enqueue(stream, [mark] {
    mark->at = std::chrono::steady_clock::now();
    mark->isReached = true;
    return std::string();
  });
  return mark;
}

cudaError_t enqueueWait(cudaStream_t stream, std::shared_ptr<const Mark> mark) {
  Lock lock(mutex);
  if (const cudaError_t refused = refuseWhileCaptured(stream)) return refused;
  if (mark) streamOf(stream).queue.push_back({nullptr, std::move(mark)});
  return cudaSuccess;
}

cudaError_t enqueue(cudaStream_t stream, Work work) {
  Lock lock(mutex);
  if (stream && stream->capture) {
    if (stream->spoilt) return cudaErrorStreamCaptureInvalidated;
    stream->capture->work.push_back(std::move(work));
    return cudaSuccess;
  }
  // The default stream would have to wait for streams that are being captured, which capture forbids.
  if (!stream) {
    for (CUstream_st* other : streams) {
      if (other->capture) return other->spoilt = true, cudaErrorStreamCaptureImplicit;
    }
  }
  CUstream_st& target = streamOf(stream);
  target.queue.push_back({std::move(work), nullptr});
  return target.queue.size() > kLongestQueue ? run(target, nullptr) : cudaSuccess;
}

cudaError_t launch(Launch launch, cudaStream_t stream) {
  const std::string problem = objection(launch);
  if (!problem.empty()) {
    Lock lock(mutex);
    lastFailure = "kernel " + std::string(launch.name) + " cannot be launched with " + problem;
    return cudaErrorInvalidConfiguration;
  }
  return enqueue(stream, [launch = std::move(launch)] { return execute(launch); });
}

bool isCapturing(cudaStream_t stream) {
  Lock lock(mutex);
  return stream && stream->capture;
}

cudaError_t refuseWhileCaptured(cudaStream_t stream) {
  Lock lock(mutex);
  if (stream) return stream->capture ? spoil(*stream) : cudaSuccess;
  for (CUstream_st* other : streams) {
    if (other->capture) return spoil(*other);
  }
  return cudaSuccess;
}

cudaError_t refuseWhileAnyCaptured() {
  Lock lock(mutex);
  for (CUstream_st* stream : streams) {
    if (!stream->capture || stream->mode == cudaStreamCaptureModeRelaxed) continue;
    if (stream->mode == cudaStreamCaptureModeGlobal || stream->capturedBy == std::this_thread::get_id()) {
      return spoil(*stream);
    }
  }
  return cudaSuccess;
}

}  // namespace emulator

using emulator::Lock;
using emulator::streams;

extern "C" {

EMULATOR_API cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int) {
  Lock lock(emulator::mutex);
  *stream = new CUstream_st;
  streams.insert(*stream);
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, 0); }

EMULATOR_API cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  Lock lock(emulator::mutex);
  if (streams.count(stream) == 0) return remember(cudaErrorInvalidResourceHandle);
  const cudaError_t status = emulator::runStream(stream);
  streams.erase(stream);
  delete stream;
  return remember(status);
}

EMULATOR_API cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (const cudaError_t refused = emulator::refuseWhileCaptured(stream)) return remember(refused);
  return remember(emulator::runStream(stream));
}

EMULATOR_API cudaError_t cudaStreamQuery(cudaStream_t stream) { return cudaStreamSynchronize(stream); }

EMULATOR_API cudaError_t cudaDeviceSynchronize() {
  if (const cudaError_t refused = emulator::refuseWhileCaptured(nullptr)) return remember(refused);
  return remember(emulator::runAll());
}

EMULATOR_API cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  Lock lock(emulator::mutex);
  if (!stream) return remember(cudaErrorStreamCaptureUnsupported);
  if (stream->capture) return remember(cudaErrorIllegalState);
  stream->capture = std::make_unique<CUgraph_st>();
  stream->mode = mode;
  stream->capturedBy = std::this_thread::get_id();
  stream->spoilt = false;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  Lock lock(emulator::mutex);
  *graph = nullptr;
  if (!stream || !stream->capture) return remember(cudaErrorIllegalState);
  const auto capture = std::move(stream->capture);
  if (stream->mode != cudaStreamCaptureModeRelaxed && stream->capturedBy != std::this_thread::get_id()) {
    return remember(cudaErrorStreamCaptureWrongThread);
  }
  if (stream->spoilt) return remember(cudaErrorStreamCaptureInvalidated);
  *graph = new CUgraph_st(std::move(*capture));
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  Lock lock(emulator::mutex);
  *status = !stream || !stream->capture ? cudaStreamCaptureStatusNone
            : stream->spoilt            ? cudaStreamCaptureStatusInvalidated
                                        : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = new CUgraphExec_st{std::make_shared<const std::vector<Work>>(graph->work)};
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return cudaSuccess; }

EMULATOR_API cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  if (!executable) return remember(cudaErrorInvalidValue);
  return remember(emulator::enqueue(stream, [work = executable->work] {
    for (const Work& node : *work) {
      std::string failure = node();
      if (!failure.empty()) return failure;
    }
    return std::string();
  }));
}

EMULATOR_API cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  if (nodes) return remember(cudaErrorNotSupported);
  *count = graph->work.size();
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

// Launches of the graph continue, as on a GPU, because the queue shares the record.
EMULATOR_API cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}

}  // extern "C"
