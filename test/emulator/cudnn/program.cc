// See program.h.
#include "program.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <set>

#include "runtime/memory.h"

namespace emulated_cudnn {
namespace {

bool isSame(const TensorInfo& a, const TensorInfo& b) {
  return a.type == b.type && a.dimensions == b.dimensions && a.strides == b.strides && a.isVirtual == b.isVirtual &&
         a.isByValue == b.isByValue && a.alignment == b.alignment;
}

}  // namespace

void Program::add(const TensorInfo& tensor, bool written) {
  const auto known = tensors_.find(tensor.id);
  if (known != tensors_.end() && !isSame(known->second, tensor)) {
    throw Failure{CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES,
                  "two different tensors have the unique id " + std::to_string(tensor.id)};
  }
  tensors_.emplace(tensor.id, tensor);
  if (written && written_[tensor.id]) {
    throw Failure{CUDNN_STATUS_BAD_PARAM, "two operations write tensor " + std::to_string(tensor.id)};
  }
  if (!written && tensor.isVirtual && !written_[tensor.id]) {
    throw Failure{CUDNN_STATUS_BAD_PARAM, "virtual tensor " + std::to_string(tensor.id) + " is read before it is made"};
  }
  written_[tensor.id] |= written;
}

Program::Program(const std::vector<ContentPointer>& operations) {
  std::set<int64_t> read;
  for (const ContentPointer& content : operations) {
    if (!content || !isOperation(content->type)) throw Failure{CUDNN_STATUS_BAD_PARAM, "a part that is no operation"};
    Operation operation = makeOperation(*content);
    for (const TensorInfo& input : operation.inputs) add(input, false), read.insert(input.id);
    add(operation.outputs[0], true);
    if (operation.beta != 0.0f && operation.outputs[0].isVirtual) {
      throw Failure{CUDNN_STATUS_BAD_PARAM, "a virtual result cannot be added to"};
    }
    if (operation.isConvolution && operation.inputs[0].type != CUDNN_DATA_FLOAT) traits_.isHalf = true;
    operations_.push_back(std::move(operation));
  }
  traits_.isFused = operations_.size() > 1;
  for (const auto& [id, tensor] : tensors_) {
    traits_.largestTensor = std::max(traits_.largestTensor, tensor.elements() * 4);
    if (tensor.isVirtual && read.count(id) == 0) {
      throw Failure{CUDNN_STATUS_BAD_PARAM, "nobody reads virtual tensor " + std::to_string(id)};
    }
  }
}

void Program::check(const std::map<int64_t, void*>& pointers) const {
  for (const auto& [id, tensor] : tensors_) {
    if (tensor.isVirtual) continue;
    const auto place = pointers.find(id);
    const std::string name = "tensor " + std::to_string(id);
    if (place == pointers.end()) throw Failure{CUDNN_STATUS_BAD_PARAM, name + " has no pointer in the variant pack"};
    if (!place->second) throw Failure{CUDNN_STATUS_BAD_PARAM_NULL_POINTER, name + " has a null pointer"};
    if (tensor.isByValue) continue;
    if (reinterpret_cast<uintptr_t>(place->second) % tensor.alignment != 0) {
      throw Failure{CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER,
                    name + " is not aligned to the " + std::to_string(tensor.alignment) + " bytes that it promised"};
    }
    const emulator::Place memory = emulator::placeOf(place->second, tensor.bytes());
    if (memory.where != emulator::Where::device || !memory.inside) {
      throw Failure{CUDNN_STATUS_EXECUTION_FAILED, name + ", " + std::to_string(tensor.bytes()) +
                                                       " bytes, is not within one allocation of device memory"};
    }
  }
}

std::map<int64_t, Values> Program::valuesGiven(const std::map<int64_t, void*>& pointers) const {
  std::map<int64_t, Values> values;
  for (const auto& [id, tensor] : tensors_) {
    if (tensor.isByValue) values[id] = load(tensor, pointers.at(id));
  }
  return values;
}

void Program::run(const Engine& engine, const std::map<int64_t, void*>& pointers,
                  std::map<int64_t, Values> values) const {
  // Reads all inputs before writing anything, because a result may share the memory of an input.
  for (const auto& [id, tensor] : tensors_) {
    if (!tensor.isVirtual && !tensor.isByValue && !written_.at(id)) values[id] = load(tensor, pointers.at(id));
  }
  for (const Operation& operation : operations_) {
    std::vector<Values> rounded;
    std::vector<const Values*> inputs;
    const bool asTf32 = operation.isConvolution && engine.has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
    rounded.reserve(operation.inputs.size());
    for (const TensorInfo& input : operation.inputs) {
      inputs.push_back(&values.at(input.id));
      if (!asTf32 || input.type != CUDNN_DATA_FLOAT) continue;
      rounded.push_back(*inputs.back());
      roundToTf32(rounded.back());
      inputs.back() = &rounded.back();
    }
    const TensorInfo& output = operation.outputs[0];
    Values result = operation.evaluate(inputs);
    if (operation.beta != 0.0f) {
      const Values before = load(output, pointers.at(output.id));
      for (size_t i = 0; i < result.size(); ++i) result[i] += operation.beta * before[i];
    }
    // Results of a non-deterministic engine differ between runs: here, the last bit changes in every second run.
    static std::atomic<int> runs{0};
    if (engine.has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) && runs++ % 2 == 1) {
      for (float& value : result) value = std::nextafter(value, 0.0f);
    }
    roundTo(output.type, result);
    values[output.id] = std::move(result);
  }
  for (const auto& [id, tensor] : tensors_) {
    if (written_.at(id) && !tensor.isVirtual) store(tensor, values.at(id), pointers.at(id));
  }
}

}  // namespace emulated_cudnn
