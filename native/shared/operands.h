// Sizes and descriptions of tensors, for the core and the backends, and the attributes of an op.
#pragma once

#include <cstring>
#include <string>

#include "shared/dtypes.h"

namespace saturnn {

// Returns a shape for messages: "[8, 28, 28, 64]".
inline std::string shapeText(const int64_t* shape, size_t rank) {
  std::string text = "[";
  for (size_t i = 0; i < rank; ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

inline std::string shapeText(const SnTensor& tensor) {
  return shapeText(tensor.shape, static_cast<size_t>(tensor.rank));
}

inline bool isPresent(const SnTensor& tensor) { return tensor.dtype != SN_NONE; }

// Returns the product of `count` sizes; 1 if there are none.
inline int64_t productOf(const int64_t* sizes, size_t count) {
  int64_t product = 1;
  for (size_t i = 0; i < count; ++i) product *= sizes[i];
  return product;
}

inline int64_t elementCount(const SnTensor& tensor) {
  return productOf(tensor.shape, static_cast<size_t>(tensor.rank));
}

// Returns the product of all dimensions but the last.
inline int64_t rowCount(const SnTensor& tensor) {
  return tensor.rank == 0 ? 1 : productOf(tensor.shape, static_cast<size_t>(tensor.rank - 1));
}

inline int64_t channelCount(const SnTensor& tensor) { return tensor.rank == 0 ? 1 : tensor.shape[tensor.rank - 1]; }

// Whether the elements of the tensor fill its buffer: it is not a slice of channels.
inline bool isDense(const SnTensor& tensor) {
  return tensor.channel_offset == 0 && tensor.parent_channels == channelCount(tensor);
}

// Returns dtype, shape, layout and slice of a tensor, for messages: "f32 [8, 28, 28, 64] in blocks of 16 channels".
inline std::string describe(const SnTensor& tensor) {
  if (!isPresent(tensor)) return "no tensor";
  std::string text = std::string(dtypeName(tensor.dtype)) + " " + shapeText(tensor);
  if (tensor.layout == SN_NCHW16C) text += " in blocks of " + std::to_string(blockChannels) + " channels";
  if (!isDense(tensor)) {
    text += ", channels " + std::to_string(tensor.channel_offset) + " and following of " +
            std::to_string(tensor.parent_channels);
  }
  return text;
}

// Returns the attribute struct of an op (native/ops.def). The core has compared its size with the table before.
template <class Attributes>
Attributes attributesOf(const SnOpDesc& op) {
  Attributes attributes;
  std::memcpy(&attributes, op.attributes, sizeof attributes);
  return attributes;
}

}  // namespace saturnn
