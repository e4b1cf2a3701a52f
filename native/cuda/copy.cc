// The movers: copy (also between f32 and a half), concat, slice, pack and rows. What the plan has already placed is left
// alone.
#include <algorithm>
#include <vector>

#include "check.h"
#include "ops.h"

namespace saturnn {
namespace {

// `channels` of `from`, beginning at `first`, into `to`; nothing if they already are the same memory.
struct Move {
  SnTensor from, to;

  void enqueue(SnDevice& device, const void* source, void* target) const {
    if (from.dtype != to.dtype) {
      launchConvertRows(constRows(from, source), rows(to, target), rowCount(from), channelCount(from), device.stream());
      return;
    }
    if (isDense(from) && isDense(to)) {
      if (source == target) return;
      checkCuda(cudaMemcpyAsync(target, source, byteCount(from), cudaMemcpyDeviceToDevice, device.stream()),
                "copying a tensor");
      return;
    }
    const ConstRows x = constRows(from, source);
    const Rows y = rows(to, target);
    if (x.data == y.data && x.stride == y.stride) return;
    launchChannelMap(SN_NO_ACTIVATION, 0.0f, x, nullptr, y, rowCount(from), channelCount(from), device.stream());
  }
};

class Copy : public SnKernel {
 public:
  Copy(SnDevice& device, const Move& move) : SnKernel(device), move_(move) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    move_.enqueue(device, inputs[0], outputs[0]);
  }

 private:
  Move move_;
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

class Pack : public SnKernel {
 public:
  Pack(SnDevice& device, std::vector<int32_t> offsets, std::vector<int64_t> counts)
      : SnKernel(device), offsets_(std::move(offsets)), counts_(std::move(counts)) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    Pieces pieces{};
    int count = 0;
    for (size_t i = 0; i < offsets_.size(); ++i) {
      float* target = static_cast<float*>(outputs[0]) + offsets_[i];
      if (inputs[i] == target) continue;
      pieces.pieces[count++] = {static_cast<const float*>(inputs[i]), target, counts_[i]};
      if (count < kMostPieces) continue;
      launchGather(pieces, count, device.stream());
      count = 0;
    }
    launchGather(pieces, count, device.stream());
  }

 private:
  std::vector<int32_t> offsets_;
  std::vector<int64_t> counts_;
};

class RowsOf : public SnKernel {
 public:
  RowsOf(SnDevice& device, int64_t offset, size_t bytes) : SnKernel(device), offset_(offset), bytes_(bytes) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    const float* source = static_cast<const float*>(inputs[0]) + offset_;
    if (source == outputs[0]) return;
    checkCuda(cudaMemcpyAsync(outputs[0], source, bytes_, cudaMemcpyDeviceToDevice, device.stream()),
              "copying rows");
  }

 private:
  int64_t offset_;  // elements
  size_t bytes_;
};

// The part of `whole` that is `channels` wide and begins at channel `first`, with the shape of that part.
SnTensor channelsOf(const SnTensor& whole, int64_t first, int64_t channels) {
  SnTensor part = whole;
  part.shape[part.rank - 1] = channels;
  part.channel_offset += first;
  return part;
}

}  // namespace

KernelPointer createCopy(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const SnTensor& x = op.inputs[0];
  const SnTensor& y = op.outputs[0];
  requireSameShape(op, "y", y, x);
  requireView(op, "x", x);
  requireView(op, "y", y);
  const bool converts = x.dtype != y.dtype;
  if (converts && !(x.dtype == SN_F32 && isHalf(y.dtype)) && !(isHalf(x.dtype) && y.dtype == SN_F32)) {
    refuse(op, "y", std::string(dtypeName(x.dtype)) + ", or f32 and a half", describe(y));
  }
  const bool dense = isDense(x) && isDense(y);
  if (!dense) requireFloats(op, "x", x);
  setImplementation(info, converts ? "saturnn:convertRows" : dense ? "cuda:memcpy" : "saturnn:channelMap");
  return std::make_unique<Copy>(device, Move{x, y});
}

KernelPointer createConcat(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const SnTensor& y = op.outputs[0];
  requireFloats(op, "y", y);
  std::vector<Move> moves;
  int64_t first = 0;
  for (int i = 0; i < op.input_count; ++i) {
    const std::string argument = "input " + std::to_string(i);
    const SnTensor& x = op.inputs[i];
    const SnTensor part = channelsOf(y, first, channelCount(x));
    requireLike(op, argument.c_str(), x, part);
    requireView(op, "y", part);
    moves.push_back({x, part});
    first += channelCount(x);
  }
  if (first != channelCount(y)) {
    refuse(op, "y", std::to_string(first) + " channels", std::to_string(channelCount(y)));
  }
  setImplementation(info, "saturnn:channelMap");
  return std::make_unique<Concat>(device, std::move(moves));
}

KernelPointer createSlice(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const auto attributes = attributesOf<SnSliceAttributes>(op);
  const SnTensor& x = op.inputs[0];
  const SnTensor& y = op.outputs[0];
  requireFloats(op, "x", x);
  requireSameDType(op, "y", y, x);
  requireView(op, "y", y);
  if (attributes.channel_offset < 0 || attributes.channel_offset + channelCount(y) > channelCount(x)) {
    refuse(op, "y", "channels within the " + std::to_string(channelCount(x)) + " of x",
           std::to_string(channelCount(y)) + " from " + std::to_string(attributes.channel_offset));
  }
  const SnTensor part = channelsOf(x, attributes.channel_offset, channelCount(y));
  requireSameShape(op, "y", y, part);
  setImplementation(info, "saturnn:channelMap");
  return std::make_unique<Copy>(device, Move{part, y});
}

KernelPointer createPack(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireDense(op, "flat", op.outputs[0]);
  std::vector<int32_t> offsets(op.input_count);
  const size_t wanted = offsets.size() * sizeof(int32_t);
  if (op.attribute_bytes != wanted)
    refuse(op, "offsets", std::to_string(wanted) + " bytes", std::to_string(op.attribute_bytes));
  std::memcpy(offsets.data(), op.attributes, wanted);
  std::vector<int64_t> counts;
  for (int i = 0; i < op.input_count; ++i) {
    const std::string argument = "input " + std::to_string(i);
    requireDense(op, argument.c_str(), op.inputs[i]);
    if (offsets[i] < 0 || offsets[i] + elementCount(op.inputs[i]) > elementCount(op.outputs[0])) {
      refuse(op, argument, "a place within the " + std::to_string(elementCount(op.outputs[0])) + " elements of flat",
             std::to_string(elementCount(op.inputs[i])) + " elements from " + std::to_string(offsets[i]));
    }
    counts.push_back(elementCount(op.inputs[i]));
  }
  setImplementation(info, "saturnn:gather");
  return std::make_unique<Pack>(device, std::move(offsets), std::move(counts));
}

KernelPointer createRows(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const SnTensor& x = op.inputs[0];
  const SnTensor& y = op.outputs[0];
  requireDense(op, "x", x);
  requireDense(op, "y", y);
  const int64_t firstRow = attributesOf<int32_t>(op);
  SnTensor part = x;
  part.shape[0] = y.shape[0];
  requireSameShape(op, "y", y, part);
  if (firstRow < 0 || firstRow + y.shape[0] > x.shape[0]) {
    refuse(op, "y", "rows within the " + std::to_string(x.shape[0]) + " of x",
           std::to_string(y.shape[0]) + " from " + std::to_string(firstRow));
  }
  setImplementation(info, "cuda:memcpy");
  return std::make_unique<RowsOf>(device, firstRow * (elementCount(x) / x.shape[0]), byteCount(y));
}

}  // namespace saturnn
