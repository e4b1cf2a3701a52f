// A compiled plan: kernels in order, the arena that they share, and the loop over steps. Made, run and freed on the
// engine thread; what JavaScript asks of it without waiting (ports, kernels, sizes) is constant once it is made.
#pragma once

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
  SnDType dtype;  // SN_NONE: the optional tensor is not there
  std::vector<int64_t> shape;
  int64_t bytes;
  bool isGiven;  // no kernel of the step makes it
};

struct KernelSummary {
  std::string op;
  std::string name;
  std::string implementation;
  int64_t scratchBytes;
  std::vector<OperandSummary> inputs;
  std::vector<OperandSummary> outputs;
};

// The value of one input: `data` (copied from a typed array), or a resident buffer. Its size has been checked.
struct RunInput {
  std::vector<uint8_t> data;
  std::shared_ptr<Resident> resident;
  bool perStep = false;
};

struct RunOutcome {
  int steps = 0;
  std::vector<std::vector<uint8_t>> outputs;
};

struct TraceOptions {
  bool countNonFinite = false;
  bool updates = false;  // also run the kernels that write state, unless the gate is closed
};

// One step, kernel by kernel.
struct TraceOutcome {
  // 0 for kernels that did not run.
  std::vector<double> milliseconds;
  // Of each kernel: how many elements are not finite of its inputs (only of those that are given to the step; 0 for
  // what other kernels have made) and of its outputs. Empty if it was not asked for.
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

  RunOutcome run(const std::vector<RunInput>& inputs, int steps);
  TraceOutcome trace(const std::vector<RunInput>& inputs, const TraceOptions& options);
  void release() noexcept override;

 private:
  struct Location {
    int buffer;
    int64_t byteOffset;
  };

  void describePorts(const PlanDescription& plan, const Placement& placement);
  void planArena(const PlanDescription& plan, const Placement& placement);
  void uploadConstants(const PlanDescription& plan, const Placement& placement);

  RunOutcome runDirectly(const std::vector<RunInput>& inputs, int first, int steps);
  RunOutcome runReplayed(const std::vector<RunInput>& inputs, int first, int steps);
  Replay::Step replayStep();
  void begin(const std::vector<RunInput>& inputs);
  void uploadInputs(const std::vector<RunInput>& inputs, int step);
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
  const bool replays_;  // after the first step, as a captured graph

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
  std::vector<DeviceMemory> inputMemory_;  // by input, made when the first typed array comes
  std::vector<char*> bases_;               // by buffer; those of inputs are set again for every run
  std::vector<void*> inputPointers_;       // of the kernel that is being launched
  std::vector<void*> outputPointers_;
  bool hasRun_ = false;             // what kernels do only once, they have done
  std::unique_ptr<Replay> replay_;  // made for replayBases_
  std::vector<char*> replayBases_;
};

}  // namespace saturnn
