#include "core/plan/non_finite.h"

#include <vector>

namespace saturnn {
namespace {

// Whether all bits of the exponent are set. Tests bits, because a compiler may assume that there are no NaNs.
template <class Bits>
bool isNonFinite(Bits bits, Bits exponent) {
  return (bits & exponent) == exponent;
}

// A tensor as `runs` contiguous pieces, each `length` elements long, whose starts are `stride` elements apart.
struct Runs {
  int64_t first, runs, length, stride;
};

Runs runsOf(const SnTensor& tensor) {
  const int64_t elements = elementCount(tensor);
  if (isDense(tensor)) return {0, 1, elements, elements};
  const int64_t channels = channelCount(tensor);
  if (tensor.layout == SN_PLAIN) {
    return {tensor.channel_offset, elements / channels, channels, tensor.parent_channels};
  }
  // [N][C/16][H][W][16]: the blocks of a slice are contiguous within an image.
  const int64_t pixels = tensor.shape[1] * tensor.shape[2];
  return {tensor.channel_offset / blockChannels * pixels * blockChannels, tensor.shape[0], pixels * channels,
          pixels * tensor.parent_channels};
}

// Bits is an integer as wide as an element; in `exponent` the bits of its exponent are set.
template <typename Bits>
int64_t countIn(Device& device, const SnTensor& tensor, const char* data, Bits exponent) {
  const Runs runs = runsOf(tensor);
  // Downloads the whole range, with the gaps between the pieces, because every download waits for the device.
  const int64_t last = runs.first + (runs.runs - 1) * runs.stride + runs.length;
  std::vector<Bits> values(static_cast<size_t>(last - runs.first));
  constexpr int64_t bytes = sizeof(Bits);
  device.download(values.data(), data + runs.first * bytes, static_cast<int64_t>(values.size()) * bytes);
  int64_t count = 0;
  for (int64_t run = 0; run < runs.runs; ++run) {
    const Bits* begin = values.data() + run * runs.stride;
    for (int64_t i = 0; i < runs.length; ++i) count += isNonFinite(begin[i], exponent);
  }
  return count;
}

}  // namespace

int64_t countNonFinite(Device& device, const SnTensor& tensor, const char* data) {
  if (data == nullptr) return 0;
  switch (tensor.dtype) {
    case SN_F32: return countIn<uint32_t>(device, tensor, data, 0x7f800000u);
    case SN_BF16: return countIn<uint16_t>(device, tensor, data, 0x7f80u);
    case SN_F16: return countIn<uint16_t>(device, tensor, data, 0x7c00u);
    default: return 0;
  }
}

}  // namespace saturnn
