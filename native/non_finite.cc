#include "non_finite.h"

#include <vector>

namespace saturnn {
namespace {

constexpr int64_t kBlock = 16;

// All bits of the exponent are set. On the bits, so that no compiler may take NaN for impossible.
bool isNonFinite(uint32_t bits) { return (bits & 0x7f800000u) == 0x7f800000u; }
bool isNonFinite(uint16_t bits) { return (bits & 0x7f80u) == 0x7f80u; }  // bf16

// A tensor as `runs` pieces that lie together, each `length` elements long and `stride` after the one before.
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
  // [N][C/16][H][W][16]: the slice's blocks of one image lie together.
  const int64_t pixels = tensor.shape[1] * tensor.shape[2];
  return {tensor.channel_offset / kBlock * pixels * kBlock, tensor.shape[0], pixels * channels,
          pixels * tensor.parent_channels};
}

// Bits is as wide as an element.
template <typename Bits>
int64_t countIn(Device& device, const SnTensor& tensor, const char* data) {
  const Runs runs = runsOf(tensor);
  // In few large pieces, as each download waits for the device: a slice comes with what lies between its runs.
  const int64_t last = runs.first + (runs.runs - 1) * runs.stride + runs.length;
  std::vector<Bits> values(static_cast<size_t>(last - runs.first));
  constexpr int64_t bytes = sizeof(Bits);
  device.download(values.data(), data + runs.first * bytes, static_cast<int64_t>(values.size()) * bytes);
  int64_t count = 0;
  for (int64_t run = 0; run < runs.runs; ++run) {
    const Bits* begin = values.data() + run * runs.stride;
    for (int64_t i = 0; i < runs.length; ++i) count += isNonFinite(begin[i]);
  }
  return count;
}

}  // namespace

int64_t countNonFinite(Device& device, const SnTensor& tensor, const char* data) {
  if (data == nullptr) return 0;
  if (tensor.dtype == SN_F32) return countIn<uint32_t>(device, tensor, data);
  return tensor.dtype == SN_BF16 ? countIn<uint16_t>(device, tensor, data) : 0;
}

}  // namespace saturnn
