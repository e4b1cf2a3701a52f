// add: the sum of two to eight tensors of one shape. concat and slice do not copy tensors that the plan has placed
// already.
#include "cuda/kernels/channels.h"

#include <vector>

#include "cuda/kernel.h"
#include "cuda/move.h"
#include "ops/channels.h"

namespace saturnn::cuda {
namespace {

class Add : public SnKernel {
 public:
  Add(SnDevice& device, const SnOpDesc& op)
      : SnKernel(device), inputs_(op.inputs, op.inputs + op.input_count), y_(op.outputs[0]) {}

  void launch(void* const* inputs, void* const* outputs, void*) override {
    Addends addends{};
    for (size_t i = 0; i < inputs_.size(); ++i) addends.inputs[i] = constRows(inputs_[i], inputs[i]);
    launchAdd(addends, static_cast<int>(inputs_.size()), rows(y_, outputs[0]), rowCount(y_), channelCount(y_),
              device.stream());
  }

 private:
  std::vector<SnTensor> inputs_;
  SnTensor y_;
};

class Concat : public SnKernel {
 public:
  Concat(SnDevice& device, std::vector<Move> moves) : SnKernel(device), moves_(std::move(moves)) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    for (size_t i = 0; i < moves_.size(); ++i) moves_[i].enqueue(device, inputs[i], outputs[0]);
  }

 private:
  std::vector<Move> moves_;
};

class Slice : public SnKernel {
 public:
  Slice(SnDevice& device, const Move& move) : SnKernel(device), move_(move) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    move_.enqueue(device, inputs[0], outputs[0]);
  }

 private:
  Move move_;
};

// Returns the slice of `whole` with `channels` channels from channel `first` on.
SnTensor channelsOf(const SnTensor& whole, int64_t first, int64_t channels) {
  SnTensor part = whole;
  part.shape[part.rank - 1] = channels;
  part.channel_offset += first;
  return part;
}

}  // namespace

KernelPointer createAdd(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireFloats(op.outputs[0], "y");
  for (int i = 0; i < op.input_count; ++i) {
    const std::string argument = "input " + std::to_string(i);
    requireLike(op.inputs[i], argument, op.outputs[0]);
  }
  setImplementation(info, "saturnn:add");
  return std::make_unique<Add>(device, op);
}

KernelPointer createConcat(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const SnTensor& y = op.outputs[0];
  requireFloats(y, "y");
  std::vector<Move> moves;
  int64_t first = 0;
  for (int i = 0; i < op.input_count; ++i) {
    const std::string argument = "input " + std::to_string(i);
    const SnTensor& x = op.inputs[i];
    const SnTensor part = channelsOf(y, first, channelCount(x));
    requireLike(x, argument, part);
    requirePlain(part, "y");
    moves.push_back({x, part});
    first += channelCount(x);
  }
  if (first != channelCount(y)) {
    refuse("y", std::to_string(first) + " channels", std::to_string(channelCount(y)));
  }
  setImplementation(info, "saturnn:channelMap");
  return std::make_unique<Concat>(device, std::move(moves));
}

KernelPointer createSlice(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const auto attributes = attributesOf<SliceAttributes>(op);
  const SnTensor& x = op.inputs[0];
  const SnTensor& y = op.outputs[0];
  requireFloats(x, "x");
  requireSameDType(y, "y", x);
  requirePlain(y, "y");
  if (attributes.channelOffset < 0 || attributes.channelOffset + channelCount(y) > channelCount(x)) {
    refuse("y", "channels within the " + std::to_string(channelCount(x)) + " of x",
           std::to_string(channelCount(y)) + " from " + std::to_string(attributes.channelOffset));
  }
  const SnTensor part = channelsOf(x, attributes.channelOffset, channelCount(y));
  requireSameShape(y, "y", part);
  setImplementation(info, "saturnn:channelMap");
  return std::make_unique<Slice>(device, Move{part, y});
}

}  // namespace saturnn::cuda
