#include "core/plan/layout.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "core/plan/validate.h"
#include "ops/attributes/channels.h"

namespace saturnn {
namespace {

// Images with so few channels stay plain in a blocked plan: most of a block would be empty. They come from the data
// set.
constexpr int64_t kMaxPixelChannels = 4;

bool blockable(const TensorDescription& tensor) {
  return tensor.image && tensor.dtype != SN_I32 && tensor.channels() % blockChannels == 0;
}

bool isPixel(const TensorDescription& tensor) { return tensor.shape[1] == 1 && tensor.shape[2] == 1; }

// Whether the plan can be blocked with this tensor in it. oneDNN's kernels for halves are fastest on plain images.
bool allowsBlocks(const PlanDescription& plan, const TensorDescription& tensor) {
  if (isHalf(tensor.dtype)) return false;
  const TensorDescription* base = tensor.base == kAbsent ? nullptr : &plan.tensors[tensor.base];
  if (!tensor.image) {
    // An image of one pixel has the same bytes in both layouts.
    return base == nullptr || !blockable(*base) || isPixel(*base);
  }
  if (tensor.dtype == SN_I32) return true;
  const bool narrow = tensor.channels() <= kMaxPixelChannels;
  if (base == nullptr) return narrow || blockable(tensor);
  if (!base->image) return narrow || (blockable(tensor) && isPixel(tensor));
  return base->channels() <= kMaxPixelChannels || (blockable(tensor) && tensor.offset % blockChannels == 0);
}

// Whether the plan can be blocked with this node in it. Images that are concatenated or sliced must consist of whole
// blocks, even if they are copied instead of viewed; augment and mix write plain images only.
bool allowsBlocks(const PlanDescription& plan, const NodeDescription& node) {
  const auto blocked = [&](int id) { return id != kAbsent && blockable(plan.tensors[id]); };
  const auto anyBlocked = [&](const std::vector<int>& ids) { return std::any_of(ids.begin(), ids.end(), blocked); };
  if (node.op == "augment" || node.op == "mix") return !anyBlocked(node.outputs);
  if (node.op == "concat") {
    return !anyBlocked(node.outputs) || std::all_of(node.inputs.begin(), node.inputs.end(), blocked);
  }
  if (node.op != "slice" || !anyBlocked(node.inputs)) return true;
  SliceAttributes slice{};
  if (node.attributes.size() == sizeof slice) std::memcpy(&slice, node.attributes.data(), sizeof slice);
  return anyBlocked(node.outputs) && slice.channelOffset % blockChannels == 0;
}

bool wantsBlocks(const PlanDescription& plan) {
  bool any = false;
  for (const NodeDescription& node : plan.nodes) {
    if (!allowsBlocks(plan, node)) return false;
  }
  for (const TensorDescription& tensor : plan.tensors) {
    if (!allowsBlocks(plan, tensor)) return false;
    any = any || blockable(tensor);
  }
  return any;
}

class LayoutPass {
 public:
  LayoutPass(PlanDescription plan, bool blocked) : blocked_(blocked), plan_(std::move(plan)) {}

  LaidOutPlan run() {
    for (size_t i = 0; i < plan_.tensors.size(); ++i) layouts_.push_back(layoutInPlace(static_cast<int>(i)));
    std::vector<NodeDescription> original = std::exchange(plan_.nodes, {});
    for (PortDescription& port : plan_.inputs) stageInput(port);
    size_t next = 0;
    for (; next < original.size() && !original[next].writesState(); ++next) addNode(std::move(original[next]));
    for (size_t i = next; i < original.size(); ++i) makePlain(original[i]);
    for (PortDescription& port : plan_.outputs) stageOutput(port);
    for (; next < original.size(); ++next) plan_.nodes.push_back(std::move(original[next]));
    return {std::move(plan_), std::move(layouts_)};
  }

 private:
  // The layout that kernels expect for a tensor, except kernels that write state.
  SnLayout wanted(int id) const { return blocked_ && blockable(plan_.tensors[id]) ? SN_NCHW16C : SN_PLAIN; }

  // The layout that a tensor has in its memory: constants and the State are plain.
  SnLayout layoutInPlace(int id) const {
    const TensorDescription& root = plan_.tensors[rootOf(plan_, id)];
    return root.constant || root.arena != kAbsent ? SN_PLAIN : wanted(id);
  }

  // Whether an input or output of the plan needs a copy, because it must be plain and contiguous.
  bool needsStage(int id) const {
    const TensorDescription& tensor = plan_.tensors[id];
    const bool slice = tensor.image && tensor.base != kAbsent && plan_.tensors[tensor.base].image;
    return slice || layouts_[id] != SN_PLAIN;
  }

  int addTensorLike(int id, SnLayout layout) {
    TensorDescription tensor;
    tensor.dtype = plan_.tensors[id].dtype;
    tensor.shape = plan_.tensors[id].shape;
    tensor.image = plan_.tensors[id].image;
    plan_.tensors.push_back(std::move(tensor));
    layouts_.push_back(layout);
    return static_cast<int>(plan_.tensors.size()) - 1;
  }

  void addCopy(const std::string& name, int from, int to) {
    plan_.nodes.push_back({"copy", name + " (layout)", {}, {from}, {to}, {}, {}});
  }

  // An input is bound to separate memory, so it cannot be a view.
  void stageInput(PortDescription& port) {
    if (plan_.tensors[port.tensor].base == kAbsent && !needsStage(port.tensor)) return;
    const int stage = addTensorLike(port.tensor, SN_PLAIN);
    addCopy(port.name, stage, port.tensor);
    port.tensor = stage;
  }

  void stageOutput(PortDescription& port) {
    if (needsStage(port.tensor)) port.tensor = sharedCopy(port.name, port.tensor, SN_PLAIN);
  }

  // Tensors that it writes are never copied: validatePlan() only allows plain, contiguous parts of the State.
  void makePlain(NodeDescription& writer) {
    for (int& id : writer.inputs) {
      if (id != kAbsent && needsStage(id)) id = sharedCopy(writer.name, id, SN_PLAIN);
    }
  }

  int copyAs(const std::string& name, int id, SnLayout layout) {
    const int copy = addTensorLike(id, layout);
    addCopy(name, id, copy);
    return copy;
  }

  // Returns one copy for all readers: only for tensors that are not written between two reads.
  int sharedCopy(const std::string& name, int id, SnLayout layout) {
    const auto [copy, isNew] = copies_.try_emplace({id, layout}, kAbsent);
    if (isNew) copy->second = copyAs(name, id, layout);
    return copy->second;
  }

  // Constants and the State are plain: a node that uses one as an activation gets a copy in the plan's layout. Each
  // reader of gradients gets its own copy, because they are written during the step.
  void addNode(NodeDescription node) {
    for (int& id : node.inputs) {
      if (id == kAbsent || layouts_[id] == wanted(id)) continue;
      const bool changes = plan_.tensors[rootOf(plan_, id)].arena == kGradientArena;
      id = changes ? copyAs(node.name, id, wanted(id)) : sharedCopy(node.name, id, wanted(id));
    }
    std::vector<std::pair<int, int>> copiesBack;
    for (int& id : node.outputs) {
      if (id == kAbsent || layouts_[id] == wanted(id)) continue;
      copiesBack.emplace_back(addTensorLike(id, wanted(id)), id);
      id = copiesBack.back().first;
    }
    const std::string name = node.name;
    plan_.nodes.push_back(std::move(node));
    for (const auto& copy : copiesBack) addCopy(name, copy.first, copy.second);
  }

  const bool blocked_;
  PlanDescription plan_;
  std::vector<SnLayout> layouts_;
  std::map<std::pair<int, SnLayout>, int> copies_;
};

}  // namespace

LaidOutPlan layOut(PlanDescription plan, bool prefersBlockedImages) {
  const bool blocked = prefersBlockedImages && wantsBlocks(plan);
  return LayoutPass(std::move(plan), blocked).run();
}

}  // namespace saturnn
