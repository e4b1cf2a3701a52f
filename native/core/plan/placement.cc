#include "core/plan/placement.h"

#include "shared/error.h"

namespace saturnn {
namespace {

class Placer {
 public:
  explicit Placer(const LaidOutPlan& laidOut) : plan_(laidOut.plan), layouts_(laidOut.layouts) {}

  Placement run() {
    const size_t count = plan_.tensors.size();
    result_.tensors.resize(count);
    progress_.assign(count, Progress::None);
    inputOf_.assign(count, kAbsent);
    sharesWith_.assign(count, kAbsent);
    for (size_t i = 0; i < plan_.inputs.size(); ++i) inputOf_[plan_.inputs[i].tensor] = static_cast<int>(i);
    for (const NodeDescription& node : plan_.nodes) {
      for (size_t i = 0; i < node.inPlace.size(); ++i) {
        if (node.inPlace[i] != kAbsent) sharesWith_[node.outputs[i]] = node.inputs[node.inPlace[i]];
      }
    }
    // The arenas come first, so that the index of an arena is the index of its buffer.
    for (int i = 0; i < kArenaCount; ++i) addBuffer(BufferKind::State, i, 0);
    for (size_t i = 0; i < count; ++i) resolve(static_cast<int>(i));
    return std::move(result_);
  }

 private:
  enum class Progress : uint8_t { None, Begun, Done };

  // Returns the tensor that must be placed before `id`, or kAbsent.
  int parentOf(int id) const {
    const TensorDescription& tensor = plan_.tensors[id];
    if (tensor.base != kAbsent) return tensor.base;
    return tensor.arena != kAbsent || tensor.constant ? kAbsent : sharesWith_[id];
  }

  // Not recursive, because outputs that work in place over each other form chains as long as the plan.
  void resolve(int id) {
    std::vector<int> path;
    for (int at = id; at != kAbsent && progress_[at] != Progress::Done; at = parentOf(at)) {
      if (progress_[at] == Progress::Begun) {
        throw Error("ERR_INVALID_PLAN",
                    "tensor " + std::to_string(at) + " is a part of itself, through views and inPlace");
      }
      progress_[at] = Progress::Begun;
      path.push_back(at);
    }
    for (auto at = path.rbegin(); at != path.rend(); ++at) {
      result_.tensors[*at] = placeOne(*at);
      progress_[*at] = Progress::Done;
    }
  }

  PlacedTensor placeOne(int id) {
    const TensorDescription& tensor = plan_.tensors[id];
    PlacedTensor placed = dense(id);
    if (tensor.base != kAbsent) return placeView(id, placed);
    if (tensor.arena != kAbsent) {
      placed.buffer = tensor.arena;
      placed.byteOffset = tensor.byteOffset;
      return placed;
    }
    if (tensor.constant) {
      placed.buffer = addBuffer(BufferKind::Constant, id, placed.bytes);
    } else if (inputOf_[id] != kAbsent) {
      placed.buffer = addBuffer(BufferKind::Input, inputOf_[id], placed.bytes);
    } else if (sharesWith_[id] != kAbsent && maySharePlace(placed, sharesWith_[id])) {
      placed.buffer = result_.tensors[sharesWith_[id]].buffer;
      placed.byteOffset = result_.tensors[sharesWith_[id]].byteOffset;
    } else {
      placed.buffer = addBuffer(BufferKind::Own, kAbsent, placed.bytes);
    }
    return placed;
  }

  PlacedTensor dense(int id) const {
    const TensorDescription& tensor = plan_.tensors[id];
    PlacedTensor placed{};
    placed.view.dtype = tensor.dtype;
    placed.view.rank = static_cast<int32_t>(tensor.shape.size());
    for (size_t i = 0; i < tensor.shape.size(); ++i) placed.view.shape[i] = tensor.shape[i];
    placed.view.layout = layouts_[id];
    placed.view.parent_channels = tensor.channels();
    placed.bytes = byteCount(tensor);
    placed.dense = true;
    return placed;
  }

  PlacedTensor placeView(int id, PlacedTensor placed) const {
    const TensorDescription& tensor = plan_.tensors[id];
    const PlacedTensor& base = result_.tensors[tensor.base];
    placed.buffer = base.buffer;
    if (tensor.image && plan_.tensors[tensor.base].image) {
      placed.byteOffset = base.byteOffset;
      placed.view.parent_channels = base.view.parent_channels;
      placed.view.channel_offset = base.view.channel_offset + tensor.offset;
      placed.dense = placed.view.parent_channels == tensor.channels();
      return placed;
    }
    if (!base.dense) {
      throw Error("ERR_INVALID_PLAN", "tensor " + std::to_string(id) + " is a view of the elements of tensor " +
                                          std::to_string(tensor.base) + ", which is a slice of channels");
    }
    placed.byteOffset = base.byteOffset + tensor.offset * elementBytes(tensor.dtype);
    return placed;
  }

  // Working in place is optional. It is not possible over an input of the plan, a constant or State, whose values the
  // next step needs, nor over a view, because the tensor that it is a part of may be read later.
  bool maySharePlace(const PlacedTensor& output, int inputId) const {
    const PlacedTensor& input = result_.tensors[inputId];
    return plan_.tensors[inputId].base == kAbsent && result_.buffers[input.buffer].kind == BufferKind::Own &&
           input.bytes == output.bytes && input.view.dtype == output.view.dtype &&
           input.view.layout == output.view.layout;
  }

  int addBuffer(BufferKind kind, int index, int64_t bytes) {
    result_.buffers.push_back({kind, index, bytes});
    return static_cast<int>(result_.buffers.size()) - 1;
  }

  const PlanDescription& plan_;
  const std::vector<SnLayout>& layouts_;
  Placement result_;
  std::vector<Progress> progress_;
  std::vector<int> inputOf_;     // by tensor: the plan's input, or kAbsent
  std::vector<int> sharesWith_;  // by tensor: the input that it may work in place over, or kAbsent
};

}  // namespace

Placement place(const LaidOutPlan& laidOut) { return Placer(laidOut).run(); }

}  // namespace saturnn
