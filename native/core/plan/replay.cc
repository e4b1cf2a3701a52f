#include "core/plan/replay.h"

#include <algorithm>

namespace saturnn {
namespace {

constexpr int64_t kAlignment = 64;
// Limit for the inputs and results of the steps of one chunk on the device.
constexpr int64_t kChunkBytes = int64_t{64} << 20;
constexpr int kMostChunkSteps = 4096;

int64_t alignUp(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// Grows but never shrinks, because the runs of a plan are similar.
void ensure(DeviceMemory& memory, Device& device, int64_t bytes) {
  if (memory.bytes() >= bytes) return;
  memory.reset();
  memory = DeviceMemory(device, MemoryKind::Inputs, bytes);
}

}  // namespace

Replay::Replay(Device& device, const Step& step)
    : device_(device),
      results_(step.results),
      hasGate_(step.gate != nullptr),
      halt_(device, MemoryKind::Inputs, 2 * sizeof(int32_t)),
      graph_(nullptr, {&device.backend()}) {
  for (const ResultPlace& result : results_) {
    resultOffsets_.push_back(resultBytes_);
    resultBytes_ += alignUp(result.bytes);
  }
  ensure(lastResults_, device_, resultBytes_);
  capture(step);
}

void Replay::capture(const Step& step) {
  const SnBackend& backend = device_.backend();
  SnError error{};
  auto* halt = reinterpret_cast<int32_t*>(halt_.data());
  const auto latch = [&] { checkStatus(backend.latch(device_.handle(), step.gate, step.skip, halt, &error), error); };
  // Run once before the capture: a backend may load a kernel at its first launch, which need not be possible in a
  // capture. The other kernels have run in the step before. It only changes flags that the step changes as well.
  device_.fill(halt_.data(), 0, halt_.bytes());
  if (hasGate_) latch();
  checkStatus(backend.begin_capture(device_.handle(), &error), error);
  std::exception_ptr failure;
  try {
    step.compute();
    if (hasGate_) latch();
    // Before nodes write state: a result that is a part of the State is the value that this step has read.
    for (size_t i = 0; i < results_.size(); ++i) {
      device_.copy(lastResults_.data() + resultOffsets_[i], results_[i].data, results_[i].bytes);
    }
    step.write();
  } catch (...) {
    failure = std::current_exception();
  }
  SnGraph* graph = nullptr;
  SnError ending{};
  const int status = backend.end_capture(device_.handle(), &graph, &ending);
  graph_.reset(graph);
  if (failure) std::rethrow_exception(failure);
  checkStatus(status, ending);
}

Replay::Outcome Replay::run(const std::vector<StepInput>& inputs, int steps, int together,
                            std::vector<std::vector<uint8_t>>& results, const std::function<void()>& check) {
  const int most = std::min(chunkSteps(inputs), together);
  Outcome total{0, false};
  for (int first = 0; first < steps && !total.stopped; first += most) {
    const Outcome chunk = runChunk(inputs, first, std::min(most, steps - first), results, check);
    total.steps += chunk.steps;
    total.stopped = chunk.stopped;
  }
  return total;
}

int Replay::chunkSteps(const std::vector<StepInput>& inputs) const {
  int64_t bytes = resultBytes_;
  for (const StepInput& input : inputs) bytes += input.landed == nullptr ? alignUp(input.bytes) : 0;
  return static_cast<int>(std::clamp<int64_t>(kChunkBytes / std::max<int64_t>(bytes, 1), 1, kMostChunkSteps));
}

Replay::Outcome Replay::runChunk(const std::vector<StepInput>& inputs, int first, int steps,
                                 std::vector<std::vector<uint8_t>>& results, const std::function<void()>& check) {
  std::vector<int64_t> starts;
  int64_t inputBytes = 0;
  for (const StepInput& input : inputs) {
    starts.push_back(inputBytes);
    inputBytes += input.landed == nullptr ? alignUp(input.bytes * steps) : 0;
  }
  ensure(allInputs_, device_, inputBytes);
  ensure(allResults_, device_, resultBytes_ * steps);
  std::vector<const char*> sources;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const StepInput& input = inputs[i];
    if (input.landed != nullptr) {
      sources.push_back(input.landed + first * input.bytes);
      continue;
    }
    sources.push_back(allInputs_.data() + starts[i]);
    device_.upload(allInputs_.data() + starts[i], input.data + first * input.bytes, input.bytes * steps);
  }
  device_.fill(halt_.data(), 0, halt_.bytes());

  for (int step = 0; step < steps; ++step) {
    check();
    for (size_t i = 0; i < inputs.size(); ++i) {
      device_.copy(inputs[i].place, sources[i] + step * inputs[i].bytes, inputs[i].bytes);
    }
    SnError error{};
    checkStatus(device_.backend().launch_graph(graph_.get(), &error), error);
    device_.copy(allResults_.data() + step * resultBytes_, lastResults_.data(), resultBytes_);
  }

  int32_t halt[2] = {0, steps};
  if (hasGate_) device_.download(halt, halt_.data(), sizeof halt);
  const bool stopped = halt[0] != 0;
  std::vector<uint8_t> all(static_cast<size_t>(resultBytes_ * (halt[1] + (stopped ? 1 : 0))));
  device_.download(all.data(), allResults_.data(), static_cast<int64_t>(all.size()));
  for (size_t begin = 0; begin < all.size(); begin += static_cast<size_t>(resultBytes_)) {
    for (size_t i = 0; i < results_.size(); ++i) {
      const auto from = all.begin() + static_cast<int64_t>(begin) + resultOffsets_[i];
      results[i].insert(results[i].end(), from, from + results_[i].bytes);
    }
  }
  device_.synchronize();
  return {halt[1], stopped};
}

}  // namespace saturnn
