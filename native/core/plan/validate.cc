#include "core/plan/validate.h"

#include <algorithm>
#include <cstring>

#include "shared/error.h"

namespace saturnn {
namespace {

// Chains of views are short. The limit makes walks along them cheap and detects circles.
constexpr int kMaxViewDepth = 64;
// These limits keep every sum of sizes below 2^63.
constexpr int64_t kMaxElements = int64_t{1} << 40;
constexpr size_t kMaxTensors = size_t{1} << 20;
constexpr int64_t kMaxSize = INT32_MAX;

[[noreturn]] void reject(const std::string& message) { throw Error("ERR_INVALID_PLAN", message); }

std::string show(const TensorDescription& tensor) {
  return std::string(dtypeName(tensor.dtype)) + " " + shapeText(tensor.shape.data(), tensor.shape.size());
}

// The range of bytes of an arena that a node writes.
struct StateRange {
  int arena;
  int64_t begin;
  int64_t end;
  const NodeDescription* writer;
};

class Validator {
 public:
  Validator(const PlanDescription& plan, const SnBackend& backend, const ArenaBytes* state)
      : plan_(plan), backend_(backend), state_(state) {}

  void run() {
    if (plan_.tensors.size() > kMaxTensors) {
      reject("Expected at most " + std::to_string(kMaxTensors) + " tensors but received " +
             std::to_string(plan_.tensors.size()));
    }
    for (int i = 0; i < tensorCount(); ++i) checkShape(i);
    for (int i = 0; i < tensorCount(); ++i) checkPlace(i);
    for (int i = 0; i < tensorCount(); ++i) checkDepth(i);
    checkInputs();
    checkNodes();
    checkResults();
  }

 private:
  int tensorCount() const { return static_cast<int>(plan_.tensors.size()); }
  const TensorDescription& tensor(int id) const { return plan_.tensors[id]; }
  std::string label(int id) const { return "tensor " + std::to_string(id) + " (" + show(tensor(id)) + ")"; }

  static std::string label(const NodeDescription& node) { return "op '" + node.op + "' (" + node.name + ")"; }

  void checkId(int id, const std::string& where) const {
    if (id >= 0 && id < tensorCount()) return;
    reject("Expected a tensor of the plan's " + std::to_string(tensorCount()) + " for " + where + " but received " +
           std::to_string(id));
  }

  void checkShape(int id) const {
    const TensorDescription& it = tensor(id);
    const size_t rank = it.shape.size();
    if (rank < 1 || rank > SN_MAX_RANK) {
      reject("Expected 1 to 4 dimensions for tensor " + std::to_string(id) + " but received " + std::to_string(rank));
    }
    if (it.image && rank != 4) reject("Expected 4 dimensions for the image " + label(id));
    int64_t count = 1;
    for (const int64_t size : it.shape) {
      if (size < 1 || size > kMaxSize) {
        reject("Expected sizes from 1 to " + std::to_string(kMaxSize) + " for " + label(id));
      }
      if (count > kMaxElements / size) reject("Expected at most 2^40 elements for " + label(id));
      count *= size;
    }
  }

  void checkPlace(int id) const {
    const TensorDescription& it = tensor(id);
    const int places = (it.arena != kAbsent) + it.constant + (it.base != kAbsent);
    if (places > 1) reject("Expected one of arena, data and base for " + label(id) + " but received several");
    if (it.arena != kAbsent || it.constant) checkBorder(id);
    if (it.arena != kAbsent) checkArena(id);
    if (it.base != kAbsent) checkView(id);
    if (it.constant && static_cast<int64_t>(it.data.size()) != byteCount(it)) {
      reject("Expected " + std::to_string(byteCount(it)) + " bytes of data for " + label(id) + " but received " +
             std::to_string(it.data.size()));
    }
  }

  // Half dtypes exist only inside a plan.
  void checkBorder(int id) const {
    if (isHalf(tensor(id).dtype)) {
      reject("Expected another dtype for an input, an output, a constant or a part of the State but received " +
             label(id));
    }
  }

  void checkArena(int id) const {
    const TensorDescription& it = tensor(id);
    const std::string arena = std::string("the arena '") + kArenaNames[it.arena] + "'";
    if (state_ == nullptr) reject("Expected a State for this plan, because " + label(id) + " is in " + arena);
    const int64_t size = (*state_)[it.arena];
    if (it.byteOffset < 0 || it.byteOffset % elementBytes(it.dtype) != 0 || it.byteOffset > size ||
        byteCount(it) > size - it.byteOffset) {
      reject("Expected a place within the " + std::to_string(size) + " bytes of " + arena + " for " + label(id) +
             " but received byte offset " + std::to_string(it.byteOffset));
    }
  }

  void checkView(int id) const {
    const TensorDescription& it = tensor(id);
    checkId(it.base, "the base of tensor " + std::to_string(id));
    const TensorDescription& base = tensor(it.base);
    const bool ofChannels = it.image && base.image;
    const int64_t whole = ofChannels ? base.channels() : elementCount(base);
    const int64_t part = ofChannels ? it.channels() : elementCount(it);
    bool fits = it.dtype == base.dtype && it.offset >= 0 && it.offset <= whole && part <= whole - it.offset;
    for (int i = 0; ofChannels && i < 3; ++i) fits = fits && it.shape[i] == base.shape[i];
    if (!fits) {
      reject("Expected a part of its base, " + label(it.base) + ", for " + label(id) + " but received one at " +
             (ofChannels ? "channel " : "element ") + std::to_string(it.offset));
    }
  }

  void checkDepth(int id) const {
    int depth = 0;
    for (int at = id; tensor(at).base != kAbsent; at = tensor(at).base) {
      if (++depth > kMaxViewDepth) {
        reject("Expected at most " + std::to_string(kMaxViewDepth) + " bases below " + label(id));
      }
    }
  }

  // No node may write an input of the plan; every node may read it.
  void checkInputs() {
    filled_.assign(plan_.tensors.size(), false);
    written_.assign(plan_.tensors.size(), false);
    isInput_.assign(plan_.tensors.size(), false);
    for (int i = 0; i < tensorCount(); ++i) filled_[i] = tensor(i).arena != kAbsent || tensor(i).constant;
    for (const PortDescription& port : plan_.inputs) {
      checkId(port.tensor, "the plan's input '" + port.name + "'");
      checkBorder(port.tensor);
      const int root = rootOf(plan_, port.tensor);
      if (tensor(root).constant || tensor(root).arena != kAbsent) {
        reject("The plan's input '" + port.name + "' is a constant or a part of the State");
      }
      if (isInput_[port.tensor]) {
        reject("Two of the plan's inputs are " + label(port.tensor) + ": '" + port.name + "' is one");
      }
      isInput_[port.tensor] = true;
      written_[port.tensor] = true;
      filled_[root] = true;
    }
  }

  void checkNodes() {
    findLastReads();
    bool writersBegan = false;
    for (size_t k = 0; k < plan_.nodes.size(); ++k) {
      const NodeDescription& node = plan_.nodes[k];
      if (writersBegan && !node.writesState()) {
        reject("Expected the nodes that write state at the end, but " + label(node) + " comes after one");
      }
      writersBegan = node.writesState();
      checkOp(node);
      for (const int id : node.inputs) {
        if (id != kAbsent) checkRead(id, label(node));
      }
      for (const int id : node.outputs) {
        if (id != kAbsent) checkWrite(id, node);
      }
      checkInPlace(static_cast<int>(k), node);
      checkStateWrites(node);
    }
    checkOverlaps();
  }

  void checkOp(const NodeDescription& node) const {
    const SnOpInfo* info = nullptr;
    for (int32_t i = 0; i < backend_.op_count && info == nullptr; ++i) {
      if (node.op == backend_.ops[i].name) info = &backend_.ops[i];
    }
    if (info == nullptr) {
      throw Error("ERR_UNSUPPORTED",
                  std::string("[") + backend_.name + "] no kernel for op '" + node.op + "' (" + node.name + ")");
    }
    for (const int id : node.inputs) {
      if (id != kAbsent) checkId(id, "an input of " + label(node));
    }
    for (const int id : node.outputs) {
      if (id != kAbsent) checkId(id, "an output of " + label(node));
    }
    checkCount(node, "inputs", node.inputs.size(), info->least_inputs, info->most_inputs);
    checkCount(node, "outputs", node.outputs.size(), info->outputs, info->outputs);
    const size_t wanted = info->variable_attributes ? node.inputs.size() * sizeof(int32_t) : info->attribute_bytes;
    if (node.attributes.size() != wanted) {
      reject("Expected " + std::to_string(wanted) + " bytes of attributes for " + label(node) + " but received " +
             std::to_string(node.attributes.size()));
    }
    if (info->variable_attributes) checkOffsets(node);
  }

  static void checkCount(const NodeDescription& node, const char* what, size_t count, int32_t least, int32_t most) {
    if (count >= static_cast<size_t>(least) && count <= static_cast<size_t>(most)) return;
    std::string expected = std::to_string(least);
    if (most > least) expected += most == SN_ANY_NUMBER ? " or more" : " to " + std::to_string(most);
    reject("Expected " + expected + " " + what + " for " + label(node) + " but received " + std::to_string(count));
  }

  // The attributes of variable length: where each input begins in the flat output.
  void checkOffsets(const NodeDescription& node) const {
    const bool hasOutput = node.outputs.size() == 1 && node.outputs[0] != kAbsent;
    const int64_t whole = hasOutput ? elementCount(tensor(node.outputs[0])) : 0;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      int32_t offset = 0;
      std::memcpy(&offset, node.attributes.data() + i * sizeof offset, sizeof offset);
      const int64_t part = node.inputs[i] == kAbsent ? 0 : elementCount(tensor(node.inputs[i]));
      if (offset < 0 || part > whole - offset) {
        reject("Expected input " + std::to_string(i) + " of " + label(node) + " within the output's " +
               std::to_string(whole) + " elements but received offset " + std::to_string(offset));
      }
    }
  }

  void checkRead(int id, const std::string& reader) const {
    if (!filled_[rootOf(plan_, id)]) {
      reject(label(id) + " is read by " + reader + ", but nothing has written it before");
    }
  }

  void checkWrite(int id, const NodeDescription& node) {
    if (written_[id]) reject(label(node) + " writes " + label(id) + ", which is an input or was written before");
    const int root = rootOf(plan_, id);
    const TensorDescription& place = tensor(root);
    // Nodes with outputs may only write the gradients, the results of a step. Other parts of the State need a gated
    // node.
    if (place.constant || isInput_[root] || (place.arena != kAbsent && place.arena != kGradientArena)) {
      reject(label(node) + " writes " + label(id) + ", which is an input, a constant or a part of the State");
    }
    written_[id] = true;
    filled_[root] = true;
  }

  void checkInPlace(int k, const NodeDescription& node) const {
    if (node.inPlace.size() > node.outputs.size()) {
      reject("Expected one entry per output, " + std::to_string(node.outputs.size()) + ", for inPlace of " +
             label(node) + " but received " + std::to_string(node.inPlace.size()));
    }
    for (size_t i = 0; i < node.inPlace.size(); ++i) {
      const int position = node.inPlace[i];
      if (position == kAbsent) continue;
      if (position < 0 || position >= static_cast<int>(node.inputs.size()) || node.inputs[position] == kAbsent ||
          node.outputs[i] == kAbsent) {
        reject("Expected a present input and output for inPlace of " + label(node) + " but received " +
               std::to_string(position) + " for output " + std::to_string(i));
      }
      const int input = node.inputs[position];
      if (byteCount(tensor(input)) != byteCount(tensor(node.outputs[i]))) {
        reject(label(node) + " cannot work in place: " + label(input) + " and " + label(node.outputs[i]) +
               " differ in size");
      }
      if (lastRead_[input] > k) reject(label(node) + " works in place over " + label(input) + ", which is read later");
    }
  }

  // Nodes that write state run only if the gate is open. They have no outputs, because an output would have no value
  // when the gate is closed: they write over some of their inputs.
  void checkStateWrites(const NodeDescription& node) {
    if (node.outputs.empty() != node.writesState()) {
      reject("Expected either outputs or writes for " + label(node) + " but received " +
             (node.writesState() ? "both" : "neither"));
    }
    for (const int position : node.writes) {
      if (position < 0 || position >= static_cast<int>(node.inputs.size()) || node.inputs[position] == kAbsent) {
        reject("Expected the positions of present inputs for writes of " + label(node) + " but received " +
               std::to_string(position));
      }
      addStateWrite(node.inputs[position], node);
    }
  }

  // Only the State may be written: constants and inputs must keep their values. A part of an image may not be
  // contiguous.
  void addStateWrite(int id, const NodeDescription& node) {
    int64_t offset = 0;
    for (int at = id; tensor(at).base != kAbsent; at = tensor(at).base) {
      if (tensor(tensor(at).base).image) {
        reject(label(node) + " writes " + label(id) + ", which is a part of an image");
      }
      offset += tensor(at).offset * elementBytes(tensor(at).dtype);
    }
    const TensorDescription& root = tensor(rootOf(plan_, id));
    if (root.arena == kAbsent) reject(label(node) + " writes " + label(id) + ", which is no part of the State");
    const int64_t begin = root.byteOffset + offset;
    stateWrites_.push_back({root.arena, begin, begin + byteCount(tensor(id)), &node});
  }

  // If two nodes wrote the same bytes in a step, the result would depend on their order.
  void checkOverlaps() {
    std::sort(stateWrites_.begin(), stateWrites_.end(), [](const StateRange& a, const StateRange& b) {
      return a.arena != b.arena ? a.arena < b.arena : a.begin < b.begin;
    });
    for (size_t i = 1; i < stateWrites_.size(); ++i) {
      const StateRange& before = stateWrites_[i - 1];
      const StateRange& it = stateWrites_[i];
      if (before.arena == it.arena && it.begin < before.end) {
        reject(label(*before.writer) + " and " + label(*it.writer) + " write over each other in the arena '" +
               kArenaNames[it.arena] + "', at byte " + std::to_string(it.begin));
      }
    }
  }

  // A read of a view counts as a read of all its bases.
  void findLastReads() {
    lastRead_.assign(plan_.tensors.size(), -1);
    const int end = static_cast<int>(plan_.nodes.size());
    for (int k = 0; k < end; ++k) {
      for (const int id : plan_.nodes[k].inputs) markRead(id, k);
    }
    for (const PortDescription& port : plan_.outputs) markRead(port.tensor, end);
    markRead(plan_.gate, end);
    markRead(plan_.skip, end);
  }

  void markRead(int id, int k) {
    // The ids are checked later, where they are used.
    if (id < 0 || id >= tensorCount()) return;
    for (int at = id; at != kAbsent; at = tensor(at).base) lastRead_[at] = k;
  }

  void checkResults() const {
    for (const PortDescription& port : plan_.outputs) {
      checkId(port.tensor, "the plan's output '" + port.name + "'");
      checkBorder(port.tensor);
      checkRead(port.tensor, "the plan's output '" + port.name + "'");
    }
    checkFlag(plan_.gate, "the gate");
    checkFlag(plan_.skip, "the flag of skipped steps");
  }

  void checkFlag(int id, const std::string& name) const {
    if (id == kAbsent) return;
    checkId(id, name);
    checkRead(id, name);
    if (tensor(id).dtype != SN_I32 || elementCount(tensor(id)) != 1) {
      reject("Expected i32 [1] for " + name + " but received " + label(id));
    }
  }

  const PlanDescription& plan_;
  const SnBackend& backend_;
  const ArenaBytes* state_;
  std::vector<bool> filled_;   // by root: some part of it has been written
  std::vector<bool> written_;  // by tensor
  std::vector<bool> isInput_;  // by tensor
  std::vector<int> lastRead_;  // by tensor: the last node that reads it
  std::vector<StateRange> stateWrites_;
};

}  // namespace

void validatePlan(const PlanDescription& plan, const SnBackend& backend, const ArenaBytes* state) {
  Validator(plan, backend, state).run();
}

int rootOf(const PlanDescription& plan, int tensor) {
  while (plan.tensors[tensor].base != kAbsent) tensor = plan.tensors[tensor].base;
  return tensor;
}

}  // namespace saturnn
