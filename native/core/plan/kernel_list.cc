#include "core/plan/kernel_list.h"

namespace saturnn {
namespace {

SnTensor absentTensor() {
  SnTensor tensor{};
  tensor.dtype = SN_NONE;
  return tensor;
}

std::vector<SnTensor> viewsOf(const std::vector<int>& ids, const Placement& placement) {
  std::vector<SnTensor> views;
  for (const int id : ids) views.push_back(id == kAbsent ? absentTensor() : placement.tensors[id].view);
  return views;
}

// Returns the bytes that a kernel may touch: for a slice of channels those of the whole image, whose start kernels get.
int64_t reach(const PlacedTensor& tensor) {
  if (tensor.dense) return tensor.bytes;
  return tensor.bytes / tensor.view.shape[tensor.view.rank - 1] * tensor.view.parent_channels;
}

bool overlap(const PlacedTensor& a, const PlacedTensor& b) {
  return a.buffer == b.buffer && a.byteOffset < b.byteOffset + reach(b) && b.byteOffset < a.byteOffset + reach(a);
}

// Whether an output may be filled before the launch. It must not lie over an input, whose values the kernel still
// reads, nor in an arena of the State, whose gaps no kernel writes and which must stay 0.
bool mayPoison(const PlacedTensor& output, const NodeDescription& node, const Placement& placement) {
  if (!output.dense || placement.buffers[output.buffer].kind == BufferKind::State) return false;
  for (const int id : node.inputs) {
    if (id != kAbsent && overlap(output, placement.tensors[id])) return false;
  }
  return true;
}

bool isGiven(const Buffer& buffer) {
  const bool gradients = buffer.kind == BufferKind::State && buffer.index == kGradientArena;
  return buffer.kind != BufferKind::Own && !gradients;
}

Operand operandOf(int id, const Placement& placement) {
  Operand operand;
  operand.view = absentTensor();
  if (id == kAbsent) return operand;
  const PlacedTensor& tensor = placement.tensors[id];
  operand.buffer = tensor.buffer;
  operand.byteOffset = tensor.byteOffset;
  operand.bytes = tensor.bytes;
  operand.isGiven = isGiven(placement.buffers[tensor.buffer]);
  operand.view = tensor.view;
  return operand;
}

PlannedKernel makeKernel(Device& device, const NodeDescription& node, const SnPlanOptions& options,
                         const Placement& placement) {
  const std::vector<SnTensor> inputs = viewsOf(node.inputs, placement);
  const std::vector<SnTensor> outputs = viewsOf(node.outputs, placement);
  SnOpDesc description{};
  description.name = node.op.c_str();
  description.attributes = node.attributes.data();
  description.attribute_bytes = node.attributes.size();
  description.inputs = inputs.data();
  description.input_count = static_cast<int32_t>(inputs.size());
  description.outputs = outputs.data();
  description.output_count = static_cast<int32_t>(outputs.size());
  description.options = &options;

  const SnBackend& backend = device.backend();
  SnKernel* kernel = nullptr;
  SnKernelInfo info{};
  SnError error{};
  const int status = backend.create_kernel(device.handle(), &description, &kernel, &info, &error);
  try {
    checkStatus(status, error);
  } catch (const Error& failure) {
    throw Error(failure.code(), std::string(failure.what()) + " (" + node.name + ")");
  }
  PlannedKernel planned{node.op, node.name, info.implementation, node.writesState(), {kernel, {&backend}},
                        {},      {},        info.scratch_bytes};
  for (const int id : node.inputs) planned.inputs.push_back(operandOf(id, placement));
  for (const int id : node.outputs) {
    Operand output = operandOf(id, placement);
    if (id != kAbsent && mayPoison(placement.tensors[id], node, placement)) output.poisonBytes = output.bytes;
    planned.outputs.push_back(output);
  }
  return planned;
}

}  // namespace

std::vector<PlannedKernel> makeKernels(Device& device, const PlanDescription& plan, const Placement& placement,
                                       const std::atomic<bool>& stopping) {
  std::vector<PlannedKernel> kernels;
  for (const NodeDescription& node : plan.nodes) {
    checkNotStopping(stopping);
    kernels.push_back(makeKernel(device, node, plan.options, placement));
  }
  return kernels;
}

void checkNotStopping(const std::atomic<bool>& stopping) {
  if (stopping) throw Error("ERR_DISPOSED", "the device was closed in the middle of its work");
}

}  // namespace saturnn
