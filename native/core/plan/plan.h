// A compiled plan: kernels in order, the arena that they share, and the loop over steps. Made, run and freed on the
// engine thread. Its ports, kernels and sizes are constant, so JavaScript may read them without waiting.
#pragma once

#include "core/landing.h"
#include "core/plan/kernel_list.h"
#include "core/plan/replay.h"
#include "core/resident.h"
#include "core/state.h"

namespace saturnn {

struct Port {
  std::string name;
  SnDType dtype;
  int64_t bytes;
};

struct OperandSummary {
  SnDType dtype;  // SN_NONE: the optional tensor is absent
  std::vector<int64_t> shape;
  int64_t bytes;
  bool isGiven;  // not computed by a kernel of the step
};

struct KernelSummary {
  std::string op;
  std::string name;
  std::string implementation;
  int64_t scratchBytes;
  std::vector<OperandSummary> inputs;
  std::vector<OperandSummary> outputs;
};

// The value of one input: `data`, copied from a typed array, or a resident buffer, or what was uploaded to a landing. The
// size has been checked.
struct RunInput {
  std::vector<uint8_t> data;
  std::shared_ptr<Resident> resident;
  std::shared_ptr<Landing> landing;
  int64_t landingOffset = 0;
  bool perStep = false;
};

// Set by any thread to end a run or trace early; null: it cannot be ended. A run ends between two steps, or before a
// step has begun to write: no step is written by half.
using Cancellation = const std::atomic<bool>*;

// Most steps of one run of any plan.
constexpr int kMostSteps = 1000000;

struct RunOutcome {
  int steps = 0;
  std::vector<std::vector<uint8_t>> outputs;
};

struct TraceOptions {
  bool countNonFinite = false;
  bool updates = false;  // also run the kernels that write state, unless the gate is closed
};

// The trace of one step, kernel by kernel.
struct TraceOutcome {
  // Device time of each kernel; 0 if it did not run.
  std::vector<double> milliseconds;
  // For each kernel, how many elements of its inputs and outputs are infinite or NaN. Inputs that other kernels
  // computed count as 0. Empty if it was not asked for.
  struct NonFinite {
    std::vector<int64_t> inputs;
    std::vector<int64_t> outputs;
  };
  std::vector<NonFinite> nonFinite;
};

class Plan final : public Resource {
 public:
  Plan(Device& device, PlanDescription description, std::shared_ptr<State> state, const std::atomic<bool>& stopping);

  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  const std::vector<KernelSummary>& kernels() const { return summaries_; }
  int64_t arenaBytes() const { return arenaBytes_; }
  int64_t deviceBytes() const { return deviceBytes_; }

  // Most steps of one run of this plan: fewer if its outputs are large. May be called on any thread.
  int mostSteps() const;
  // Throws ERR_INVALID_ARGUMENT for more steps than that. May be called on any thread.
  void checkSteps(int steps) const;

  // Both throw ERR_INTERRUPTED, when the device is idle, if they are cancelled.
  RunOutcome run(const std::vector<RunInput>& inputs, int steps, Cancellation cancellation);
  TraceOutcome trace(const std::vector<RunInput>& inputs, const TraceOptions& options, Cancellation cancellation);
  void release() noexcept override;

 private:
  struct Location {
    int buffer;
    int64_t byteOffset;
  };

  void describePorts(const PlanDescription& plan, const Placement& placement);
  void planArena(const PlanDescription& plan, const Placement& placement);
  void uploadConstants(const PlanDescription& plan, const Placement& placement);

  int64_t bytesPerStep() const;
  RunOutcome runAll(const std::vector<RunInput>& inputs, int steps);
  TraceOutcome traceAll(const std::vector<RunInput>& inputs, const TraceOptions& options);
  RunOutcome runDirectly(const std::vector<RunInput>& inputs, int first, int steps);
  RunOutcome runReplayed(const std::vector<RunInput>& inputs, int first, int steps);
  Replay::Step replayStep();
  template <class Body>
  auto cancellable(Cancellation cancellation, Body body) -> decltype(body());
  void checkNotCancelled() const;
  void begin(const std::vector<RunInput>& inputs);
  void uploadInputs(const std::vector<RunInput>& inputs, int step);
  void uploadInput(const RunInput& input, size_t index, int step);
  void launch(const PlannedKernel& kernel);
  bool gateIsClosed();
  size_t firstWriter() const;
  void launchAll(size_t from, size_t to);
  void downloadOutputs(RunOutcome& outcome);
  void poison(const PlannedKernel& kernel);
  double launchTimed(const PlannedKernel& kernel);
  std::vector<int64_t> nonFiniteOf(const std::vector<Operand>& operands, bool givenOnly);
  char* at(const Location& location) const { return bases_[location.buffer] + location.byteOffset; }
  void* pointer(const Operand& operand) const;

  Device* device_;
  std::shared_ptr<State> state_;
  const std::atomic<bool>& stopping_;
  const bool poison_;
  const bool replays_;  // runs all steps but the first as a captured graph

  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::vector<KernelSummary> summaries_;
  int64_t arenaBytes_ = 0;
  int64_t deviceBytes_ = 0;

  std::vector<PlannedKernel> kernels_;
  std::vector<Location> inputLocations_;
  std::vector<Location> outputLocations_;
  Location gate_{kAbsent, 0};
  Location skip_{kAbsent, 0};
  DeviceMemory arena_;
  DeviceMemory constants_;
  std::vector<DeviceMemory> inputMemory_;  // by input, allocated when it is first given as a typed array
  std::vector<const char*> landed_;        // by input: where this run's values lie on the device; null: in no landing
  std::vector<char*> bases_;               // by buffer; pointers of inputs are set for every run
  std::vector<void*> inputPointers_;       // of the kernel that is being launched
  std::vector<void*> outputPointers_;
  Cancellation cancellation_ = nullptr;  // of the run or trace in progress
  bool hasRun_ = false;                  // each kernel has been launched once, so a capture is possible
  std::unique_ptr<Replay> replay_;       // made for replayBases_
  std::vector<char*> replayBases_;
};

}  // namespace saturnn
