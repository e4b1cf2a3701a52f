#include "core/plan/plan.h"

#include <algorithm>
#include <optional>

#include "core/plan/memory_plan.h"
#include "core/plan/non_finite.h"
#include "core/plan/validate.h"

namespace saturnn {
namespace {

// The alignment that cuDNN and the widest vectors prefer; CPU kernels need 64.
constexpr int64_t kAlignment = 256;
// A run returns the results of all its steps at once, so its memory must be bounded: a mistyped number of steps would
// take all there is. One step may have any size.
constexpr int64_t kMostResultBytes = int64_t{1} << 30;
// Steps that a run which can be cancelled enqueues before it waits for them.
constexpr int kCancellableSteps = 64;
constexpr uint8_t kPoison = 0xff;  // an f32 of these bytes is NaN, an i32 is -1

LaidOutPlan prepare(PlanDescription description, const Device& device, const State* state) {
  validatePlan(description, device.backend(), state == nullptr ? nullptr : &state->bytes());
  return layOut(std::move(description), device.backend().prefers_blocked_images != 0);
}

std::vector<OperandSummary> summarize(const std::vector<Operand>& operands) {
  std::vector<OperandSummary> summaries;
  for (const Operand& it : operands) {
    summaries.push_back({it.view.dtype, {it.view.shape, it.view.shape + it.view.rank}, it.bytes, it.isGiven});
  }
  return summaries;
}

}  // namespace

Plan::Plan(Device& device, PlanDescription description, std::shared_ptr<State> state, const std::atomic<bool>& stopping)
    : Resource(ResourceKind::Plan),
      device_(&device),
      state_(std::move(state)),
      stopping_(stopping),
      poison_(description.poison),
      replays_(description.replay && !description.poison && Replay::isSupported(device.backend())) {
  if (state_ != nullptr) state_->arena(0);  // throws if the State could not be made
  const LaidOutPlan laidOut = prepare(std::move(description), device, state_.get());
  const Placement placement = place(laidOut);
  describePorts(laidOut.plan, placement);
  kernels_ = makeKernels(device, laidOut.plan, placement, stopping);
  for (const PlannedKernel& it : kernels_) {
    summaries_.push_back(
        {it.op, it.name, it.implementation, it.scratchBytes, summarize(it.inputs), summarize(it.outputs)});
  }
  bases_.assign(placement.buffers.size(), nullptr);
  planArena(laidOut.plan, placement);
  uploadConstants(laidOut.plan, placement);
  deviceBytes_ = arenaBytes_ + constants_.bytes();
}

void Plan::describePorts(const PlanDescription& plan, const Placement& placement) {
  const auto describe = [&](const PortDescription& port, std::vector<Port>& ports, std::vector<Location>& locations) {
    const PlacedTensor& tensor = placement.tensors[port.tensor];
    ports.push_back({port.name, tensor.view.dtype, tensor.bytes});
    locations.push_back({tensor.buffer, tensor.byteOffset});
  };
  for (const PortDescription& port : plan.inputs) describe(port, inputs_, inputLocations_);
  for (const PortDescription& port : plan.outputs) describe(port, outputs_, outputLocations_);
  inputMemory_.resize(inputs_.size());
  landed_.resize(inputs_.size());
  const auto locate = [&](int tensor) -> Location {
    if (tensor == kAbsent) return {kAbsent, 0};
    return {placement.tensors[tensor].buffer, placement.tensors[tensor].byteOffset};
  };
  gate_ = locate(plan.gate);
  skip_ = locate(plan.skip);
}

// A buffer lives from the first node that uses it to the last, or to the end if it is read after the last node. Scratch
// lives only during its node.
void Plan::planArena(const PlanDescription& plan, const Placement& placement) {
  const int end = static_cast<int>(plan.nodes.size());
  std::vector<MemoryRequest> requests;
  std::vector<int> requestOf(placement.buffers.size(), kAbsent);
  const auto touch = [&](int tensor, int when) {
    if (tensor == kAbsent) return;
    const int buffer = placement.tensors[tensor].buffer;
    if (placement.buffers[buffer].kind != BufferKind::Own) return;
    int& request = requestOf[buffer];
    if (request == kAbsent) {
      request = static_cast<int>(requests.size());
      requests.push_back({placement.buffers[buffer].bytes, when, when});
    }
    requests[request].last = when;
  };
  for (int k = 0; k < end; ++k) {
    for (const int id : plan.nodes[k].inputs) touch(id, k);
    for (const int id : plan.nodes[k].outputs) touch(id, k);
  }
  for (const PortDescription& port : plan.outputs) touch(port.tensor, end);
  touch(plan.gate, end);
  touch(plan.skip, end);

  std::vector<size_t> scratchRequest(kernels_.size(), 0);
  for (int k = 0; k < end; ++k) {
    scratchRequest[k] = requests.size();
    if (kernels_[k].scratchBytes > 0) requests.push_back({kernels_[k].scratchBytes, k, k});
  }
  const MemoryPlan memory = planMemory(requests, kAlignment);
  arenaBytes_ = memory.arenaBytes;
  try {
    arena_ = DeviceMemory(*device_, MemoryKind::Arena, arenaBytes_);
  } catch (const Error& failure) {
    const std::string size = std::to_string((arenaBytes_ >> 20) + 1);
    throw Error(failure.code(), "this plan needs " + size + " MiB for activations and workspaces: " + failure.what() +
                                    ". A smaller batch needs less.");
  }
  for (size_t i = 0; i < requestOf.size(); ++i) {
    if (requestOf[i] != kAbsent) bases_[i] = arena_.data() + memory.offsets[requestOf[i]];
  }
  for (int k = 0; k < end; ++k) {
    if (kernels_[k].scratchBytes > 0) kernels_[k].scratchOffset = memory.offsets[scratchRequest[k]];
  }
}

void Plan::uploadConstants(const PlanDescription& plan, const Placement& placement) {
  std::vector<int64_t> offsets;
  int64_t total = 0;
  for (const Buffer& buffer : placement.buffers) {
    offsets.push_back(total);
    if (buffer.kind == BufferKind::Constant) total += (buffer.bytes + kAlignment - 1) / kAlignment * kAlignment;
  }
  constants_ = DeviceMemory(*device_, MemoryKind::Constants, total);
  for (size_t i = 0; i < placement.buffers.size(); ++i) {
    const Buffer& buffer = placement.buffers[i];
    if (buffer.kind != BufferKind::Constant) continue;
    bases_[i] = constants_.data() + offsets[i];
    device_->upload(bases_[i], plan.tensors[buffer.index].data.data(), buffer.bytes);
  }
}

int64_t Plan::bytesPerStep() const {
  int64_t bytes = 0;
  for (const Port& port : outputs_) bytes += port.bytes;
  return bytes;
}

int Plan::mostSteps() const {
  const int64_t most = kMostResultBytes / std::max<int64_t>(bytesPerStep(), 1);
  return static_cast<int>(std::clamp<int64_t>(most, 1, kMostSteps));
}

void Plan::checkSteps(int steps) const {
  if (steps <= mostSteps()) return;
  throw Error("ERR_INVALID_ARGUMENT",
              "Expected at most " + std::to_string(mostSteps()) + " steps for a run of this plan, whose outputs take " +
                  std::to_string(bytesPerStep()) + " bytes in each, but received " + std::to_string(steps));
}

// Runs `body` with the flag that its kernels look at. What was queued before a failure ends before this throws: then
// nothing reads a landing any more.
template <class Body>
auto Plan::cancellable(Cancellation cancellation, Body body) -> decltype(body()) {
  cancellation_ = cancellation;
  try {
    checkNotCancelled();  // it may have waited in the queue
    auto outcome = body();
    cancellation_ = nullptr;
    return outcome;
  } catch (...) {
    cancellation_ = nullptr;
    SnError ignored{};  // what has failed first says more
    if (device_ != nullptr) device_->backend().synchronize(device_->handle(), &ignored);
    throw;
  }
}

void Plan::checkNotCancelled() const {
  if (cancellation_ != nullptr && *cancellation_) throw Error("ERR_INTERRUPTED", "the run of a plan was cancelled");
}

RunOutcome Plan::run(const std::vector<RunInput>& inputs, int steps, Cancellation cancellation) {
  return cancellable(cancellation, [&] { return runAll(inputs, steps); });
}

TraceOutcome Plan::trace(const std::vector<RunInput>& inputs, const TraceOptions& options, Cancellation cancellation) {
  return cancellable(cancellation, [&] { return traceAll(inputs, options); });
}

RunOutcome Plan::runAll(const std::vector<RunInput>& inputs, int steps) {
  begin(inputs);
  // The first step runs without a capture: it loads code and makes plans that are not allowed in one.
  const auto moves = [](const RunInput& it) { return it.resident != nullptr && it.perStep; };
  const bool replays = replays_ && std::none_of(inputs.begin(), inputs.end(), moves);
  const int direct = replays ? (hasRun_ ? 0 : 1) : steps;
  RunOutcome outcome = runDirectly(inputs, 0, direct);
  hasRun_ = hasRun_ || outcome.steps > 0;
  if (direct == steps || outcome.steps < direct) return outcome;
  const RunOutcome replayed = runReplayed(inputs, direct, steps - direct);
  outcome.steps += replayed.steps;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    outcome.outputs[i].insert(outcome.outputs[i].end(), replayed.outputs[i].begin(), replayed.outputs[i].end());
  }
  return outcome;
}

RunOutcome Plan::runDirectly(const std::vector<RunInput>& inputs, int first, int steps) {
  RunOutcome outcome;
  outcome.outputs.resize(outputs_.size());
  const size_t writers = firstWriter();
  for (int step = first; step < first + steps; ++step) {
    checkNotCancelled();
    uploadInputs(inputs, step);
    launchAll(0, writers);
    // Before nodes write state: an output that is a part of the State is the value that this step has read.
    const bool closed = gateIsClosed();
    downloadOutputs(outcome);
    if (closed) break;
    launchAll(writers, kernels_.size());
    ++outcome.steps;
  }
  device_->synchronize();
  return outcome;
}

RunOutcome Plan::runReplayed(const std::vector<RunInput>& inputs, int first, int steps) {
  std::vector<StepInput> stepInputs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    char* const place = bases_[inputLocations_[i].buffer];
    if (inputs[i].resident != nullptr) continue;
    if (inputs[i].perStep) {
      const int64_t begin = first * inputs_[i].bytes;
      const bool isHere = landed_[i] != nullptr;
      const uint8_t* data = isHere ? nullptr : inputs[i].data.data() + begin;
      stepInputs.push_back({place, data, isHere ? landed_[i] + begin : nullptr, inputs_[i].bytes});
    } else if (first == 0) {
      uploadInput(inputs[i], i, 0);
    }
  }
  if (replay_ == nullptr || replayBases_ != bases_) {
    replay_ = nullptr;  // first, so that its memory is free
    replay_ = std::make_unique<Replay>(*device_, replayStep());
    replayBases_ = bases_;
  }
  RunOutcome outcome;
  outcome.outputs.resize(outputs_.size());
  const auto check = [this] {
    checkNotStopping(stopping_);
    checkNotCancelled();
  };
  const int together = cancellation_ == nullptr ? steps : kCancellableSteps;
  outcome.steps = replay_->run(stepInputs, steps, together, outcome.outputs, check).steps;
  return outcome;
}

Replay::Step Plan::replayStep() {
  Replay::Step step{};
  step.compute = [this] { launchAll(0, firstWriter()); };
  step.write = [this] { launchAll(firstWriter(), kernels_.size()); };
  for (size_t i = 0; i < outputs_.size(); ++i) step.results.push_back({at(outputLocations_[i]), outputs_[i].bytes});
  if (gate_.buffer != kAbsent) step.gate = reinterpret_cast<int32_t*>(at(gate_));
  if (skip_.buffer != kAbsent) step.skip = reinterpret_cast<int32_t*>(at(skip_));
  return step;
}

size_t Plan::firstWriter() const {
  const auto writer =
      std::find_if(kernels_.begin(), kernels_.end(), [](const PlannedKernel& it) { return it.writesState; });
  return static_cast<size_t>(writer - kernels_.begin());
}

void Plan::launchAll(size_t from, size_t to) {
  for (size_t k = from; k < to; ++k) launch(kernels_[k]);
}

TraceOutcome Plan::traceAll(const std::vector<RunInput>& inputs, const TraceOptions& options) {
  begin(inputs);
  uploadInputs(inputs, 0);
  TraceOutcome outcome;
  std::optional<bool> mayWrite;  // decided before the first kernel that writes state, when all others have run
  for (const PlannedKernel& kernel : kernels_) {
    if (kernel.writesState && !mayWrite) mayWrite = options.updates && !gateIsClosed();
    TraceOutcome::NonFinite found;
    // Before the launch, because it may work in place.
    if (options.countNonFinite) found.inputs = nonFiniteOf(kernel.inputs, /*givenOnly=*/true);
    outcome.milliseconds.push_back(kernel.writesState && !*mayWrite ? 0 : launchTimed(kernel));
    if (options.countNonFinite) {
      found.outputs = nonFiniteOf(kernel.outputs, /*givenOnly=*/false);
      outcome.nonFinite.push_back(std::move(found));
    }
  }
  return outcome;
}

double Plan::launchTimed(const PlannedKernel& kernel) {
  return device_->milliseconds([&] { launch(kernel); });
}

std::vector<int64_t> Plan::nonFiniteOf(const std::vector<Operand>& operands, bool givenOnly) {
  std::vector<int64_t> counts;
  for (const Operand& operand : operands) {
    const bool skip = givenOnly && !operand.isGiven;
    counts.push_back(skip ? 0 : countNonFinite(*device_, operand.view, static_cast<char*>(pointer(operand))));
  }
  return counts;
}

// Sets the pointers that may change between runs: the inputs, and the State, which may have been disposed.
void Plan::begin(const std::vector<RunInput>& inputs) {
  if (device_ == nullptr) throw Error("ERR_DISPOSED", "the plan was disposed");
  for (int i = 0; state_ != nullptr && i < kArenaCount; ++i) bases_[i] = state_->arena(i);
  for (size_t i = 0; i < inputs.size(); ++i) {
    char*& base = bases_[inputLocations_[i].buffer];
    if (inputs[i].resident != nullptr) {
      base = inputs[i].resident->data();
    } else {
      if (inputMemory_[i].data() == nullptr) {
        inputMemory_[i] = DeviceMemory(*device_, MemoryKind::Inputs, inputs_[i].bytes);
      }
      base = inputMemory_[i].data();
    }
    landed_[i] = inputs[i].landing == nullptr ? nullptr : inputs[i].landing->arrive() + inputs[i].landingOffset;
  }
  if (poison_) device_->fill(arena_.data(), kPoison, arenaBytes_);
}

void Plan::uploadInputs(const std::vector<RunInput>& inputs, int step) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (step == 0 || inputs[i].perStep) uploadInput(inputs[i], i, step);
  }
}

void Plan::uploadInput(const RunInput& input, size_t index, int step) {
  const int64_t bytes = inputs_[index].bytes;
  const int64_t offset = step * bytes;
  char*& base = bases_[inputLocations_[index].buffer];
  if (input.resident != nullptr) {
    base = input.resident->data() + offset;
  } else if (landed_[index] != nullptr) {
    device_->copy(base, landed_[index] + offset, bytes);
  } else {
    device_->upload(base, input.data.data() + offset, bytes);
  }
}

void Plan::launch(const PlannedKernel& kernel) {
  checkNotStopping(stopping_);
  if (!kernel.writesState) checkNotCancelled();
  if (poison_) poison(kernel);
  inputPointers_.clear();
  for (const Operand& operand : kernel.inputs) inputPointers_.push_back(pointer(operand));
  outputPointers_.clear();
  for (const Operand& operand : kernel.outputs) outputPointers_.push_back(pointer(operand));
  void* scratch = kernel.scratchBytes > 0 ? arena_.data() + kernel.scratchOffset : nullptr;
  SnError error{};
  const int status =
      device_->backend().launch(kernel.kernel.get(), inputPointers_.data(), outputPointers_.data(), scratch, &error);
  if (status == SN_OK) return;
  try {
    checkStatus(status, error);
  } catch (const Error& failure) {
    throw Error(failure.code(), std::string(failure.what()) + " (" + kernel.name + ")");
  }
}

void* Plan::pointer(const Operand& operand) const {
  return operand.buffer == kAbsent ? nullptr : bases_[operand.buffer] + operand.byteOffset;
}

void Plan::poison(const PlannedKernel& kernel) {
  for (const Operand& output : kernel.outputs) device_->fill(pointer(output), kPoison, output.poisonBytes);
  device_->fill(arena_.data() + kernel.scratchOffset, kPoison, kernel.scratchBytes);
}

bool Plan::gateIsClosed() {
  if (gate_.buffer == kAbsent) return false;
  int32_t flag = 0;
  device_->download(&flag, at(gate_), sizeof flag);
  return flag != 0;
}

void Plan::downloadOutputs(RunOutcome& outcome) {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    std::vector<uint8_t>& bytes = outcome.outputs[i];
    const size_t before = bytes.size();
    bytes.resize(before + static_cast<size_t>(outputs_[i].bytes));
    device_->download(bytes.data() + before, at(outputLocations_[i]), outputs_[i].bytes);
  }
}

void Plan::release() noexcept {
  replay_ = nullptr;
  kernels_.clear();
  inputMemory_.clear();
  arena_.reset();
  constants_.reset();
  state_ = nullptr;
  device_ = nullptr;
}

}  // namespace saturnn
