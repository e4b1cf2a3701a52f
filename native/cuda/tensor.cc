#include "cuda/kernel.h"

namespace saturnn::cuda {

size_t byteCount(const SnTensor& tensor) {
  return static_cast<size_t>(elementCount(tensor) * elementBytes(tensor.dtype));
}

ConstRows constRows(const SnTensor& tensor, const void* buffer) {
  const int64_t first = tensor.channel_offset * elementBytes(tensor.dtype);
  return {static_cast<const char*>(buffer) + first, tensor.parent_channels, tensor.dtype};
}

Rows rows(const SnTensor& tensor, void* buffer) {
  const int64_t first = tensor.channel_offset * elementBytes(tensor.dtype);
  return {static_cast<char*>(buffer) + first, tensor.parent_channels, tensor.dtype};
}

}  // namespace saturnn::cuda
