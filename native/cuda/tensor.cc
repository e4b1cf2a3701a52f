// Shapes, views and checks of SnTensor: what every op file needs.
#include <initializer_list>

#include "../error.h"
#include "kernel.h"

namespace saturnn {

size_t byteCount(const SnTensor& tensor) {
  return static_cast<size_t>(elementCount(tensor) * elementBytes(tensor.dtype));
}

int64_t rowCount(const SnTensor& tensor) {
  int64_t count = 1;
  for (int axis = 0; axis + 1 < tensor.rank; ++axis) count *= tensor.shape[axis];
  return count;
}

ConstRows constRows(const SnTensor& tensor, const void* buffer) {
  return {static_cast<const float*>(buffer) + tensor.channel_offset, tensor.parent_channels};
}

Rows rows(const SnTensor& tensor, void* buffer) {
  return {static_cast<float*>(buffer) + tensor.channel_offset, tensor.parent_channels};
}

void refuse(const SnOpDesc& op, const std::string& argument, const std::string& expected, const std::string& received) {
  throw Error("ERR_INVALID_ARGUMENT",
              std::string("[") + op.name + "] Expected " + expected + " for " + argument + " but received " + received);
}

void requireF32(const SnOpDesc& op, const char* argument, const SnTensor& tensor) {
  if (tensor.dtype != SN_F32) refuse(op, argument, "an f32 tensor", describe(tensor));
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

}  // namespace saturnn
