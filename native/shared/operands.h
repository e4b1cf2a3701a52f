// What the core and the backends ask of a dtype or a shape, and the backends of an op's operands and attributes.
#pragma once

#include <cstring>
#include <string>

#include "shared/backend.h"

namespace saturnn {

inline bool isHalf(SnDType dtype) { return dtype == SN_BF16 || dtype == SN_F16; }

inline int64_t elementBytes(SnDType dtype) { return dtype == SN_U8 ? 1 : isHalf(dtype) ? 2 : 4; }

inline const char* dtypeName(SnDType dtype) {
  switch (dtype) {
    case SN_U8: return "u8";
    case SN_I32: return "i32";
    case SN_BF16: return "bf16";
    case SN_F16: return "f16";
    default: return "f32";
  }
}

// "[8, 28, 28, 64]"
inline std::string shapeText(const int64_t* shape, size_t rank) {
  std::string text = "[";
  for (size_t i = 0; i < rank; ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

inline std::string shapeText(const SnTensor& tensor) {
  return shapeText(tensor.shape, static_cast<size_t>(tensor.rank));
}

inline bool isPresent(const SnTensor& tensor) { return tensor.dtype != SN_NONE; }

inline int64_t elementCount(const SnTensor& tensor) {
  int64_t count = 1;
  for (int32_t i = 0; i < tensor.rank; ++i) count *= tensor.shape[i];
  return count;
}

inline int64_t channelCount(const SnTensor& tensor) { return tensor.rank == 0 ? 1 : tensor.shape[tensor.rank - 1]; }

// True if the elements of the tensor fill its buffer.
inline bool isDense(const SnTensor& tensor) {
  return tensor.channel_offset == 0 && tensor.parent_channels == channelCount(tensor);
}

// "f32 [8, 28, 28, 64]", and what else a kernel may not like about it.
inline std::string describe(const SnTensor& tensor) {
  if (!isPresent(tensor)) return "no tensor";
  std::string text = std::string(dtypeName(tensor.dtype)) + " " + shapeText(tensor);
  if (tensor.layout == SN_NCHW16C) text += " in blocks of 16 channels";
  if (!isDense(tensor)) {
    text += ", channels " + std::to_string(tensor.channel_offset) + " and following of " +
            std::to_string(tensor.parent_channels);
  }
  return text;
}

// The attribute struct of an op (native/ops.def), whose size the core has compared with the table.
template <class Attributes>
Attributes attributesOf(const SnOpDesc& op) {
  Attributes attributes;
  std::memcpy(&attributes, op.attributes, sizeof attributes);
  return attributes;
}

}  // namespace saturnn
