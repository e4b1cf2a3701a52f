// See values.h.
#include "values.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstring>

#include "descriptor.h"

namespace emulated_cudnn {
namespace {

std::vector<int64_t> inLoopOrder(std::vector<int64_t> values) {
  if (values.size() < 4) return values;
  const int64_t channels = values[1];
  values.erase(values.begin() + 1);
  values.push_back(channels);
  return values;
}

float toFloat(float value) { return value; }
float toFloat(__half value) { return __half2float(value); }
float toFloat(__nv_bfloat16 value) { return __bfloat162float(value); }
float toFloat(int32_t value) { return static_cast<float>(value); }
float toFloat(bool value) { return value ? 1.0f : 0.0f; }

template <class T>
T fromFloat(float value) {
  return static_cast<T>(value);
}
template <>
__half fromFloat<__half>(float value) {
  return __float2half_rn(value);
}
template <>
__nv_bfloat16 fromFloat<__nv_bfloat16>(float value) {
  return __float2bfloat16_rn(value);
}
template <>
bool fromFloat<bool>(float value) {
  return value != 0.0f;
}

template <class Function>
void withType(cudnnDataType_t type, Function&& function) {
  switch (type) {
    case CUDNN_DATA_FLOAT: return function(float{});
    case CUDNN_DATA_HALF: return function(__half{});
    case CUDNN_DATA_BFLOAT16: return function(__nv_bfloat16{});
    case CUDNN_DATA_INT32: return function(int32_t{});
    case CUDNN_DATA_BOOLEAN: return function(bool{});
    default: throw Failure{CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, "a data type that the emulation lacks"};
  }
}

// Calls function(index in Values, offset in memory, count, stride of the last dimension) for each run of that dimension.
template <class Function>
void eachRun(const TensorInfo& tensor, Function&& function) {
  const auto& dimensions = tensor.dimensions;
  const size_t rank = dimensions.size();
  std::vector<int64_t> index(rank, 0);
  const int64_t length = dimensions[rank - 1];
  const int64_t total = tensor.elements();
  for (int64_t place = 0; place < total; place += length) {
    int64_t offset = 0;
    for (size_t axis = 0; axis + 1 < rank; ++axis) offset += index[axis] * tensor.strides[axis];
    function(place, offset, length, tensor.strides[rank - 1]);
    for (size_t axis = rank - 1; axis-- > 0;) {
      if (++index[axis] < dimensions[axis]) break;
      index[axis] = 0;
    }
  }
}

}  // namespace

TensorInfo::TensorInfo(const Content& content)
    : id(content.value<int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID, 0)),
      type(content.value(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_DATA_FLOAT)),
      alignment(content.value<int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, 0)),
      dimensions(inLoopOrder(content.integers(CUDNN_ATTR_TENSOR_DIMENSIONS))),
      strides(inLoopOrder(content.integers(CUDNN_ATTR_TENSOR_STRIDES))),
      isVirtual(content.value<bool>(CUDNN_ATTR_TENSOR_IS_VIRTUAL, false)),
      isByValue(content.value<bool>(CUDNN_ATTR_TENSOR_IS_BY_VALUE, false)) {}

int64_t TensorInfo::elements() const {
  int64_t count = 1;
  for (const int64_t length : dimensions) count *= length;
  return count;
}

int64_t TensorInfo::bytes() const {
  int64_t last = 0;
  for (size_t axis = 0; axis < dimensions.size(); ++axis) last += (dimensions[axis] - 1) * strides[axis];
  return (last + 1) * elementBytes(type);
}

bool isSupported(cudnnDataType_t type) {
  return type == CUDNN_DATA_FLOAT || type == CUDNN_DATA_HALF || type == CUDNN_DATA_BFLOAT16 ||
         type == CUDNN_DATA_INT32 || type == CUDNN_DATA_BOOLEAN;
}

int64_t elementBytes(cudnnDataType_t type) {
  int64_t bytes = 0;
  withType(type, [&](auto element) { bytes = sizeof element; });
  return bytes;
}

Values load(const TensorInfo& tensor, const void* memory) {
  Values values(tensor.elements());
  withType(tensor.type, [&](auto element) {
    using T = decltype(element);
    const auto* source = static_cast<const T*>(memory);
    eachRun(tensor, [&](int64_t place, int64_t offset, int64_t count, int64_t stride) {
      for (int64_t i = 0; i < count; ++i) values[place + i] = toFloat(source[offset + i * stride]);
    });
  });
  return values;
}

void store(const TensorInfo& tensor, const Values& values, void* memory) {
  withType(tensor.type, [&](auto element) {
    using T = decltype(element);
    auto* target = static_cast<T*>(memory);
    eachRun(tensor, [&](int64_t place, int64_t offset, int64_t count, int64_t stride) {
      for (int64_t i = 0; i < count; ++i) target[offset + i * stride] = fromFloat<T>(values[place + i]);
    });
  });
}

void roundTo(cudnnDataType_t type, Values& values) {
  if (type == CUDNN_DATA_FLOAT) return;
  withType(type, [&](auto element) {
    for (float& value : values) value = toFloat(fromFloat<decltype(element)>(value));
  });
}

void roundToTf32(Values& values) {
  for (float& value : values) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    if ((bits & 0x7f800000u) == 0x7f800000u) continue;
    bits = (bits + 0x1000u) & ~0x1fffu;  // to the nearest, ties away from zero, as cvt.rna.tf32.f32
    memcpy(&value, &bits, 4);
  }
}

}  // namespace emulated_cudnn
