// add: the sum of two to eight tensors of one shape. multiply: a product of two, or with a number. concat and slice do not copy tensors that the plan has placed
// already. affine: x scale + bias, both the same for all pixels.
#include "cuda/kernels/channels.h"

#include <vector>

#include "cuda/kernel.h"
#include "cuda/move.h"
#include "ops/attributes/channels.h"

namespace saturnn::cuda {

// kernels/common/column_sums.cu
void launchColumnSums(const float* partials, float* total, int64_t blocks, int64_t channels, cudaStream_t stream);

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

class Multiply : public SnKernel {
 public:
  Multiply(SnDevice& device, float factor, int64_t count) : SnKernel(device), factor_(factor), count_(count) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    launchMultiply(static_cast<const float*>(inputs[0]), static_cast<const float*>(inputs[1]), factor_,
                   static_cast<float*>(outputs[0]), count_, device.stream());
  }

 private:
  float factor_;
  int64_t count_;
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

// Vectors of channels: [C], the same for all images, or [N, C].
void requireChannelVector(const SnTensor& vector, const char* name, const SnTensor& image) {
  requireDense(vector, name, SN_F32);
  if (vector.rank == 1) return requireShape(vector, name, {image.shape[3]});
  requireShape(vector, name, {image.shape[0], image.shape[3]});
}

ImageSize sizeOf(const SnTensor& image) { return {image.shape[0], image.shape[1] * image.shape[2], image.shape[3]}; }

class Affine : public SnKernel {
 public:
  Affine(SnDevice& device, const SnOpDesc& op)
      : SnKernel(device), x_(op.inputs[0]), scale_(op.inputs[1]), bias_(op.inputs[2]), y_(op.outputs[0]) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    launchAffine(constRows(x_, inputs[0]), vectorOf(scale_, inputs[1]), vectorOf(bias_, inputs[2]),
                 rows(y_, outputs[0]), sizeOf(y_), device.stream());
  }

 private:
  static ChannelVector vectorOf(const SnTensor& vector, const void* data) {
    return {static_cast<const float*>(data), vector.rank == 1 ? 0 : vector.shape[1]};
  }

  SnTensor x_, scale_, bias_, y_;
};

// The order of the sums is fixed: over the pixels of each image, then over the images.
class AffineGradient : public SnKernel {
 public:
  AffineGradient(SnDevice& device, const SnOpDesc& op)
      : SnKernel(device), dy_(op.inputs[0]), x_(op.inputs[1]), perImage_(op.outputs[0].rank == 2) {}
  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const ConstRows dy = constRows(dy_, inputs[0]);
    const ConstRows x = isPresent(x_) ? constRows(x_, inputs[1]) : ConstRows{nullptr, dy.stride, dy.dtype};
    const ImageSize size = sizeOf(dy_);
    auto* sums = static_cast<float*>(outputs[0]);
    auto* parts = perImage_ ? sums : static_cast<float*>(scratch);
    launchProductSums(dy, x, parts, size, device.stream());
    if (!perImage_) launchColumnSums(parts, sums, size.batch, size.channels, device.stream());
  }

 private:
  SnTensor dy_, x_;
  bool perImage_;
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

KernelPointer createMultiply(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const SnTensor &a = op.inputs[0], &b = op.inputs[1], &y = op.outputs[0];
  requireDense(y, "y", SN_F32);
  requireDense(a, "a", SN_F32);
  requireSameShape(a, "a", y);
  if (isPresent(b)) {
    requireDense(b, "b", SN_F32);
    requireSameShape(b, "b", y);
  }
  setImplementation(info, "saturnn:multiply");
  return std::make_unique<Multiply>(device, attributesOf<MultiplyAttributes>(op).factor, elementCount(y));
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

KernelPointer createAffine(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const SnTensor& x = op.inputs[0];
  requireFloats(x, "x");
  requireImage(x, "x");
  requireLike(op.outputs[0], "y", x);
  if (isPresent(op.inputs[1])) requireChannelVector(op.inputs[1], "scale", x);
  if (isPresent(op.inputs[2])) requireChannelVector(op.inputs[2], "bias", x);
  setImplementation(info, "saturnn:affine");
  return std::make_unique<Affine>(device, op);
}

KernelPointer createAffineGradient(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const SnTensor& dy = op.inputs[0];
  requireFloats(dy, "dy");
  requireImage(dy, "dy");
  if (isPresent(op.inputs[1])) requireLike(op.inputs[1], "x", dy);
  requireChannelVector(op.outputs[0], "the gradient", dy);
  const int64_t parts = op.outputs[0].rank == 1 ? dy.shape[0] * dy.shape[3] : 0;
  setImplementation(info, "saturnn:productSums", parts * static_cast<int64_t>(sizeof(float)));
  return std::make_unique<AffineGradient>(device, op);
}

}  // namespace saturnn::cuda
