#include "cpu/geometry.h"

#include <algorithm>

namespace saturnn::cpu {

Rows pixelRows(const SnTensor& image) {
  const int64_t pixels = image.shape[1] * image.shape[2];
  const int64_t channels = image.shape[3];
  if (image.layout == SN_PLAIN) {
    const int64_t imageStride = pixels * image.parent_channels;
    return {image.shape[0], pixels, channels, image.parent_channels, 1, 0, imageStride, image.channel_offset};
  }
  const int64_t blocks = channels / blockChannels;
  const int64_t blockStride = pixels * blockChannels;
  const int64_t imageStride = image.parent_channels * pixels;
  return {image.shape[0] * blocks,      pixels, blockChannels, blockChannels, blocks, blockStride, imageStride,
          image.channel_offset * pixels};
}

Rows elementRows(const SnTensor& tensor) {
  // Images of one pixel have the same bytes in both layouts, and longer rows if they are read as plain.
  if (tensor.layout == SN_NCHW16C && tensor.shape[1] * tensor.shape[2] > 1) return pixelRows(tensor);
  const int64_t pitch = tensor.rank == 0 ? 1 : tensor.parent_channels;
  return {1, rowCount(tensor), channelCount(tensor), pitch, 1, 0, 0, tensor.channel_offset};
}

Rows flatRows(int64_t count) { return {1, count, 1, 1, 1, 0, 0, 0}; }

bool sameRows(const Rows& a, const Rows& b) {
  return a.segments == b.segments && a.rows == b.rows && a.channels == b.channels &&
         a.blocksPerImage == b.blocksPerImage;
}

SnTensor channelSlice(const SnTensor& tensor, int64_t offset, int64_t channels) {
  SnTensor slice = tensor;
  slice.shape[tensor.rank - 1] = channels;
  slice.channel_offset += offset;
  return slice;
}

bool samePlace(const SnTensor& a, const SnTensor& b) {
  return a.layout == b.layout && a.parent_channels == b.parent_channels && a.channel_offset == b.channel_offset;
}

void requireSameRows(const Rows& a, std::string_view nameA, const Rows& b, std::string_view nameB) {
  if (!sameRows(a, b)) refuse(std::string(nameA).append(" and ").append(nameB), "one layout", "two");
}

Chunks::Chunks(const Rows& rows) : segments_(rows.segments), rows_(rows.rows) {
  // Large enough to make the cost of starting a chunk negligible, small enough to share the work evenly between many
  // threads.
  constexpr int64_t leastElements = 8192, mostChunks = 256;
  const int64_t byWork = rows_ * rows.channels / leastElements;
  const int64_t wanted = std::max<int64_t>(1, std::min(byWork, mostChunks / segments_));
  rowsPerPart_ = (rows_ + wanted - 1) / wanted;
  // With rows of one float, chunks begin at cache lines.
  if (rows.channels == 1) rowsPerPart_ = (rowsPerPart_ + 15) / 16 * 16;
  parts_ = (rows_ + rowsPerPart_ - 1) / rowsPerPart_;
}

Chunks::Chunk Chunks::at(int64_t index) const {
  // Consecutive chunks are parts of the same segment, so the chunks of a thread are close in memory.
  const int64_t segment = index / parts_;
  const int64_t begin = index % parts_ * rowsPerPart_;
  return {index, segment, begin, std::min(rows_, begin + rowsPerPart_)};
}

}  // namespace saturnn::cpu
