// The kernels of a plan, made by the backend in execution order, each with the places of its operands.
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
  int buffer = kAbsent;  // kAbsent: the optional tensor is absent
  int64_t byteOffset = 0;
  int64_t bytes = 0;        // of the tensor alone
  int64_t poisonBytes = 0;  // may be filled before the launch; 0 unless it is a dense output that lies over no input
  bool isGiven = false;     // not computed in the step: an input of the plan, a constant or a part of the State
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

// Throws ERR_DISPOSED as soon as `stopping` is set, because making a kernel may take seconds.
std::vector<PlannedKernel> makeKernels(Device& device, const PlanDescription& plan, const Placement& placement,
                                       const std::atomic<bool>& stopping);

void checkNotStopping(const std::atomic<bool>& stopping);

}  // namespace saturnn
