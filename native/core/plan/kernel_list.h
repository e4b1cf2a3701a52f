// The kernels of a plan: made by the backend in execution order, each with the places of its operands.
#pragma once

#include <atomic>
#include <memory>

#include "core/device.h"
#include "core/plan/placement.h"

namespace saturnn {

struct KernelDeleter {
  const SnBackend* backend;
  void operator()(SnKernel* kernel) const { backend->destroy_kernel(kernel); }
};

struct Operand {
  int buffer = kAbsent;  // kAbsent: the optional tensor is not there
  int64_t byteOffset = 0;
  int64_t bytes = 0;        // of the tensor alone
  int64_t poisonBytes = 0;  // what may be filled before the launch; 0 unless it is a dense output over no input
  bool isGiven = false;     // no kernel of the step makes it: a plan's input, a constant, a part of the State
  SnTensor view{};
};

struct PlannedKernel {
  std::string op;
  std::string name;
  std::string implementation;
  bool writesState;
  std::unique_ptr<SnKernel, KernelDeleter> kernel;
  std::vector<Operand> inputs;
  std::vector<Operand> outputs;
  int64_t scratchBytes;
  int64_t scratchOffset = 0;  // in the plan's arena
};

// Stops with ERR_DISPOSED when `stopping` is set: making a kernel may take seconds.
std::vector<PlannedKernel> makeKernels(Device& device, const PlanDescription& plan, const Placement& placement,
                                       const std::atomic<bool>& stopping);

void checkNotStopping(const std::atomic<bool>& stopping);

}  // namespace saturnn
