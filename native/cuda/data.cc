// The ops that move data: copy (also between f32 and a half), pack and rows. Tensors that the plan has already placed are
// not copied.
#include "cuda/kernels/data.h"

#include <vector>

#include "cuda/device/check.h"
#include "cuda/kernel.h"
#include "cuda/move.h"
#include "ops/attributes/data.h"

namespace saturnn::cuda {
namespace {

class Copy : public SnKernel {
 public:
  Copy(SnDevice& device, const Move& move) : SnKernel(device), move_(move) {}
  void launch(void* const* inputs, void* const* outputs, void*) override {
    move_.enqueue(device, inputs[0], outputs[0]);
  }

 private:
  Move move_;
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
    checkCuda(cudaMemcpyAsync(outputs[0], source, bytes_, cudaMemcpyDeviceToDevice, device.stream()), "copying rows");
  }

 private:
  int64_t offset_;  // elements
  size_t bytes_;
};

}  // namespace

KernelPointer createCopy(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const SnTensor& x = op.inputs[0];
  const SnTensor& y = op.outputs[0];
  requireSameShape(y, "y", x);
  requirePlain(x, "x");
  requirePlain(y, "y");
  const bool converts = x.dtype != y.dtype;
  if (converts && !(x.dtype == SN_F32 && isHalf(y.dtype)) && !(isHalf(x.dtype) && y.dtype == SN_F32)) {
    refuse("y", std::string(dtypeName(x.dtype)) + ", or f32 and a half", describe(y));
  }
  const bool dense = isDense(x) && isDense(y);
  if (!dense) requireFloats(x, "x");
  setImplementation(info, converts ? "saturnn:convertRows" : dense ? "cuda:memcpy" : "saturnn:channelMap");
  return std::make_unique<Copy>(device, Move{x, y});
}

KernelPointer createFlatten(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const SnTensor y = rowsAsImage(op.outputs[0], "y", op.inputs[0]);
  SnOpDesc copy = op;
  copy.outputs = &y;
  return createCopy(device, copy, info);
}

KernelPointer createFlattenGradient(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const SnTensor dy = rowsAsImage(op.inputs[0], "dy", op.outputs[0]);
  SnOpDesc copy = op;
  copy.inputs = &dy;
  return createCopy(device, copy, info);
}

KernelPointer createPack(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireDense(op.outputs[0], "flat", SN_F32);
  std::vector<int32_t> offsets(op.input_count);
  const size_t wanted = offsets.size() * sizeof(int32_t);
  if (op.attribute_bytes != wanted)
    refuse("offsets", std::to_string(wanted) + " bytes", std::to_string(op.attribute_bytes));
  std::memcpy(offsets.data(), op.attributes, wanted);
  std::vector<int64_t> counts;
  for (int i = 0; i < op.input_count; ++i) {
    const std::string argument = "input " + std::to_string(i);
    requireDense(op.inputs[i], argument, SN_F32);
    if (offsets[i] < 0 || offsets[i] + elementCount(op.inputs[i]) > elementCount(op.outputs[0])) {
      refuse(argument, "a place within the " + std::to_string(elementCount(op.outputs[0])) + " elements of flat",
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
  requireDense(x, "x", SN_F32);
  requireDense(y, "y", SN_F32);
  const int64_t firstRow = attributesOf<RowsAttributes>(op).firstRow;
  SnTensor part = x;
  part.shape[0] = y.shape[0];
  requireSameShape(y, "y", part);
  if (firstRow < 0 || firstRow + y.shape[0] > x.shape[0]) {
    refuse("y", "rows within the " + std::to_string(x.shape[0]) + " of x",
           std::to_string(y.shape[0]) + " from " + std::to_string(firstRow));
  }
  setImplementation(info, "cuda:memcpy");
  return std::make_unique<RowsOf>(device, firstRow * (elementCount(x) / x.shape[0]), byteCount(y));
}

}  // namespace saturnn::cuda
