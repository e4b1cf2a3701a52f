// Shapes, views and checks of SnTensor: what every op file needs.
#include <initializer_list>

#include "cuda/kernel.h"
#include "shared/error.h"

namespace saturnn::cuda {

size_t byteCount(const SnTensor& tensor) {
  return static_cast<size_t>(elementCount(tensor) * elementBytes(tensor.dtype));
}

int64_t rowCount(const SnTensor& tensor) {
  int64_t count = 1;
  for (int axis = 0; axis + 1 < tensor.rank; ++axis) count *= tensor.shape[axis];
  return count;
}

ConstRows constRows(const SnTensor& tensor, const void* buffer) {
  const int64_t first = tensor.channel_offset * elementBytes(tensor.dtype);
  return {static_cast<const char*>(buffer) + first, tensor.parent_channels, tensor.dtype};
}

Rows rows(const SnTensor& tensor, void* buffer) {
  const int64_t first = tensor.channel_offset * elementBytes(tensor.dtype);
  return {static_cast<char*>(buffer) + first, tensor.parent_channels, tensor.dtype};
}

void refuse(const SnOpDesc& op, const std::string& argument, const std::string& expected, const std::string& received) {
  throw Error("ERR_INVALID_ARGUMENT",
              std::string("[") + op.name + "] Expected " + expected + " for " + argument + " but received " + received);
}

void requireF32(const SnOpDesc& op, const char* argument, const SnTensor& tensor) {
  if (tensor.dtype != SN_F32) refuse(op, argument, "an f32 tensor", describe(tensor));
  requireView(op, argument, tensor);
}

void requireFloats(const SnOpDesc& op, const char* argument, const SnTensor& tensor) {
  if (tensor.dtype != SN_F32 && !isHalf(tensor.dtype)) {
    refuse(op, argument, "an f32, bf16 or f16 tensor", describe(tensor));
  }
  requireView(op, argument, tensor);
}

void requireLike(const SnOpDesc& op, const char* argument, const SnTensor& tensor, const SnTensor& other) {
  requireSameDType(op, argument, tensor, other);
  requireView(op, argument, tensor);
  requireSameShape(op, argument, tensor, other);
}

void requireView(const SnOpDesc& op, const char* argument, const SnTensor& tensor) {
  requirePlain(op, argument, tensor);
  if (tensor.channel_offset < 0 || tensor.channel_offset + channelCount(tensor) > tensor.parent_channels) {
    refuse(op, argument, "channels within the " + std::to_string(tensor.parent_channels) + " of the buffer",
           std::to_string(channelCount(tensor)) + " from " + std::to_string(tensor.channel_offset));
  }
}

void requirePlain(const SnOpDesc& op, const char* argument, const SnTensor& tensor) {
  if (tensor.layout != SN_PLAIN) refuse(op, argument, "the plain layout", describe(tensor));
}

void requireSameDType(const SnOpDesc& op, const char* argument, const SnTensor& tensor, const SnTensor& other) {
  if (tensor.dtype != other.dtype) refuse(op, argument, dtypeName(other.dtype), describe(tensor));
}

void requireVector(const SnOpDesc& op, const char* argument, const SnTensor& tensor, int64_t length) {
  requireDense(op, argument, tensor);
  requireShape(op, argument, tensor, {length});
}

void requireI32(const SnOpDesc& op, const char* argument, const SnTensor& tensor, int64_t length) {
  if (tensor.dtype != SN_I32) refuse(op, argument, "an i32 tensor", describe(tensor));
  requireShape(op, argument, tensor, {length});
}

void requireDense(const SnOpDesc& op, const char* argument, const SnTensor& tensor) {
  requireF32(op, argument, tensor);
  if (!isDense(tensor)) refuse(op, argument, "a dense tensor", describe(tensor));
}

void requireShape(const SnOpDesc& op, const char* argument, const SnTensor& tensor,
                  std::initializer_list<int64_t> shape) {
  SnTensor expected{};
  for (const int64_t length : shape) expected.shape[expected.rank++] = length;
  requireSameShape(op, argument, tensor, expected);
}

void requireSameShape(const SnOpDesc& op, const char* argument, const SnTensor& tensor, const SnTensor& other) {
  bool same = tensor.rank == other.rank;
  for (int axis = 0; same && axis < tensor.rank; ++axis) same = tensor.shape[axis] == other.shape[axis];
  if (!same) refuse(op, argument, "shape " + shapeText(other), shapeText(tensor));
}

}  // namespace saturnn::cuda
