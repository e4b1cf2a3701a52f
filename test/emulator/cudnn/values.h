// Tensors of an operation graph, and their elements as f32 on their way from operation to operation.
#pragma once

#include <cudnn_backend.h>

#include <cstdint>
#include <vector>

namespace emulated_cudnn {

struct Content;

// Dimensions and strides are in the order of the loops here: where cuDNN says [n, c, h, w] this is n, h, w, c, so that
// the channels, which lie side by side in memory, come last. Three dimensions and fewer stay as they are.
struct TensorInfo {
  explicit TensorInfo(const Content& content);

  int64_t id;
  cudnnDataType_t type;
  int64_t alignment;
  std::vector<int64_t> dimensions, strides;
  bool isVirtual, isByValue;

  int64_t elements() const;
  // From the first to beyond the last element.
  int64_t bytes() const;
};

using Values = std::vector<float>;  // dense, in the order of the loops

int64_t elementBytes(cudnnDataType_t type);
bool isSupported(cudnnDataType_t type);
Values load(const TensorInfo& tensor, const void* memory);
void store(const TensorInfo& tensor, const Values& values, void* memory);
// What is left of the values if they pass through this type.
void roundTo(cudnnDataType_t type, Values& values);
// f32 as tensor cores read it: ten bits of mantissa.
void roundToTf32(Values& values);

}  // namespace emulated_cudnn
