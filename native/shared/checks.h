// The checks of an op's operands and attributes, for the kernels of every backend. Each throws ERR_INVALID_ARGUMENT
// with "Expected X for NAME but received Z". The backend's entry point puts "[op] " before it: see guarded(). They are
// called several hundred times, so they are not inlined and take views of text: inlined, they added 100 KB to a backend.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "shared/error.h"
#include "shared/operands.h"

namespace saturnn {

[[noreturn, gnu::noinline]] inline void refuse(std::string_view name, std::string_view expected,
                                               std::string_view received) {
  throw Error(
      "ERR_INVALID_ARGUMENT",
      std::string("Expected ").append(expected).append(" for ").append(name).append(" but received ").append(received));
}

// Throws ERR_INVALID_ARGUMENT with a message of another form than refuse() makes.
inline void require(bool condition, const std::string& message) {
  if (!condition) throw Error("ERR_INVALID_ARGUMENT", message);
}

[[gnu::noinline]] inline void requireDType(const SnTensor& tensor, std::string_view name, SnDType dtype) {
  if (tensor.dtype != dtype) refuse(name, dtypeName(dtype), describe(tensor));
}

[[gnu::noinline]] inline void requireSameDType(const SnTensor& tensor, std::string_view name, const SnTensor& other) {
  requireDType(tensor, name, other.dtype);
}

// Checks that the tensor is present, has 1 to 4 positive sizes, and that its channels are inside its buffer. In the
// blocked layout it must be an image of f32, i32 or u8 that begins and ends with a whole block.
[[gnu::noinline]] inline void requireView(const SnTensor& tensor, std::string_view name) {
  if (!isPresent(tensor)) refuse(name, "a tensor", "none");
  if (tensor.rank < 1 || tensor.rank > SN_MAX_RANK) {
    refuse(name, "1 to " + std::to_string(SN_MAX_RANK) + " dimensions", std::to_string(tensor.rank));
  }
  const auto isPositive = [](int64_t size) { return size > 0; };
  if (!std::all_of(tensor.shape, tensor.shape + tensor.rank, isPositive)) {
    refuse(name, "positive sizes", describe(tensor));
  }
  const int64_t channels = channelCount(tensor);
  if (tensor.channel_offset < 0 || tensor.channel_offset + channels > tensor.parent_channels) {
    refuse(name, "channels inside its buffer", describe(tensor));
  }
  if (tensor.layout == SN_PLAIN) return;
  if (isHalf(tensor.dtype)) refuse(name, "the plain layout", describe(tensor));
  if (tensor.rank != 4 || channels % blockChannels != 0 || tensor.parent_channels % blockChannels != 0 ||
      tensor.channel_offset % blockChannels != 0) {
    refuse(name, "multiples of " + std::to_string(blockChannels) + " channels", describe(tensor));
  }
}

// Checks the dtype and the view: any layout, and channel slices, will do.
[[gnu::noinline]] inline void requireTensor(const SnTensor& tensor, std::string_view name, SnDType dtype) {
  requireDType(tensor, name, dtype);
  requireView(tensor, name);
}

// Checks the view, which must be plain; a channel slice will do.
[[gnu::noinline]] inline void requirePlain(const SnTensor& tensor, std::string_view name) {
  requireView(tensor, name);
  if (tensor.layout != SN_PLAIN) refuse(name, "the plain layout", describe(tensor));
}

// Checks that the tensor is f32, bf16 or f16, and plain; a channel slice will do.
[[gnu::noinline]] inline void requireFloats(const SnTensor& tensor, std::string_view name) {
  if (tensor.dtype != SN_F32 && !isHalf(tensor.dtype)) refuse(name, "f32, bf16 or f16", describe(tensor));
  requirePlain(tensor, name);
}

// Checks that the tensor is plain and fills its buffer.
[[gnu::noinline]] inline void requireDense(const SnTensor& tensor, std::string_view name) {
  requirePlain(tensor, name);
  if (!isDense(tensor)) refuse(name, "a dense tensor", describe(tensor));
}

[[gnu::noinline]] inline void requireDense(const SnTensor& tensor, std::string_view name, SnDType dtype) {
  requireDType(tensor, name, dtype);
  requireDense(tensor, name);
}

// `dimensions` says what the dimensions mean, for the message: "[batch, classes]".
[[gnu::noinline]] inline void requireRank(const SnTensor& tensor, std::string_view name, int32_t rank,
                                          const char* dimensions) {
  if (tensor.rank != rank) refuse(name, dimensions, describe(tensor));
}

[[gnu::noinline]] inline void requireImage(const SnTensor& tensor, std::string_view name) {
  requireRank(tensor, name, 4, "[batch, height, width, channels]");
}

[[gnu::noinline]] inline void requireImage(const SnTensor& tensor, std::string_view name, SnDType dtype) {
  requireTensor(tensor, name, dtype);
  requireImage(tensor, name);
}

[[gnu::noinline]] inline void requireSameShape(const SnTensor& tensor, std::string_view name, const SnTensor& other) {
  if (!std::equal(tensor.shape, tensor.shape + tensor.rank, other.shape, other.shape + other.rank)) {
    refuse(name, "shape " + shapeText(other), describe(tensor));
  }
}

[[gnu::noinline]] inline void requireShape(const SnTensor& tensor, std::string_view name,
                                           std::initializer_list<int64_t> shape) {
  if (!std::equal(tensor.shape, tensor.shape + tensor.rank, shape.begin(), shape.end())) {
    refuse(name, "shape " + shapeText(shape.begin(), shape.size()), describe(tensor));
  }
}

// Checks that the tensor is plain and has the dtype and the shape of `other`; a channel slice will do.
[[gnu::noinline]] inline void requireLike(const SnTensor& tensor, std::string_view name, const SnTensor& other) {
  requireSameDType(tensor, name, other);
  requirePlain(tensor, name);
  requireSameShape(tensor, name, other);
}

// Returns dense rows [N, H W C] as an image of the shape of `image`.
[[gnu::noinline]] inline SnTensor rowsAsImage(const SnTensor& rows, std::string_view name, const SnTensor& image) {
  requireImage(image, "the image");
  requireDense(rows, name, SN_F32);
  requireShape(rows, name, {image.shape[0], image.shape[1] * image.shape[2] * image.shape[3]});
  SnTensor shaped = rows;
  shaped.rank = image.rank;
  std::copy(image.shape, image.shape + image.rank, shaped.shape);
  shaped.parent_channels = channelCount(image);
  return shaped;
}

// Checks that the tensor is dense, with one dimension of `length` elements.
[[gnu::noinline]] inline void requireVector(const SnTensor& tensor, std::string_view name, SnDType dtype,
                                            int64_t length) {
  requireDense(tensor, name, dtype);
  requireShape(tensor, name, {length});
}

}  // namespace saturnn
