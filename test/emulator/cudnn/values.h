// Tensors of an operation graph, and their elements as f32, as they are passed between operations.
#pragma once

#include <cudnn_backend.h>

#include <cstdint>
#include <vector>

namespace emulated_cudnn {

struct Content;

// Dimensions and strides are in the order of the loops: cuDNN's [n, c, h, w] becomes n, h, w, c, so that channels, which
// are adjacent in memory, come last. Tensors of three or fewer dimensions keep cuDNN's order.
struct TensorInfo {
  explicit TensorInfo(const Content& content);

  int64_t id;
  cudnnDataType_t type;
  int64_t alignment;
  std::vector<int64_t> dimensions, strides;
  bool isVirtual, isByValue;

  int64_t elements() const;
  // Bytes from the first to the end of the last element.
  int64_t bytes() const;
};

using Values = std::vector<float>;  // dense, in the order of the loops

int64_t elementBytes(cudnnDataType_t type);
bool isSupported(cudnnDataType_t type);
Values load(const TensorInfo& tensor, const void* memory);
void store(const TensorInfo& tensor, const Values& values, void* memory);
// Rounds the values to a type.
void roundTo(cudnnDataType_t type, Values& values);
// Rounds f32 values to ten bits of mantissa, as tensor cores read them.
void roundToTf32(Values& values);

}  // namespace emulated_cudnn
