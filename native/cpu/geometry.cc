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
  return {image.shape[0] * blocks, pixels, blockChannels, blockChannels, blocks, blockStride, imageStride,
          image.channel_offset * pixels};
}

Rows elementRows(const SnTensor& tensor) {
  // With one pixel per image the two layouts are the same, and the plain reading has the longer rows.
  if (tensor.layout == SN_NCHW16C && tensor.shape[1] * tensor.shape[2] > 1) return pixelRows(tensor);
  const int64_t channels = tensor.rank == 0 ? 1 : tensor.shape[tensor.rank - 1];
  int64_t rows = 1;
  for (int32_t i = 0; i + 1 < tensor.rank; ++i) rows *= tensor.shape[i];
  return {1, rows, channels, tensor.rank == 0 ? 1 : tensor.parent_channels, 1, 0, 0, tensor.channel_offset};
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

void requireTensor(const SnTensor& tensor, const char* name, SnDType dtype) {
  require(tensor.dtype == dtype,
          std::string("Expected ") + dtypeName(dtype) + " for " + name + " but received " + describe(tensor));
  for (int32_t i = 0; i < tensor.rank; ++i) {
    require(tensor.shape[i] > 0,
            std::string("Expected positive sizes for ") + name + " but received " + describe(tensor));
  }
  if (tensor.rank == 0) return;
  const int64_t channels = tensor.shape[tensor.rank - 1];
  require(tensor.channel_offset >= 0 && tensor.channel_offset + channels <= tensor.parent_channels,
          std::string("Expected the channels of ") + name + " inside its buffer but received " + describe(tensor));
  if (tensor.layout == SN_NCHW16C) {
    require(tensor.dtype != SN_BF16, std::string("Expected the plain layout for ") + name + " but received " +
                                         describe(tensor));
    require(tensor.rank == 4 && channels % blockChannels == 0 && tensor.parent_channels % blockChannels == 0 &&
                tensor.channel_offset % blockChannels == 0,
            std::string("Expected multiples of 16 channels for ") + name + " but received " + describe(tensor));
  }
}

void requireDense(const SnTensor& tensor, const char* name) {
  require(isDense(tensor) && tensor.layout == SN_PLAIN,
          std::string("Expected ") + name + " dense and plain but received " + describe(tensor));
}

void requireImage(const SnTensor& tensor, const char* name, SnDType dtype) {
  requireTensor(tensor, name, dtype);
  require(tensor.rank == 4,
          std::string("Expected [batch, height, width, channels] for ") + name + " but received " + describe(tensor));
}

void requireSameShape(const SnTensor& a, const char* nameA, const SnTensor& b, const char* nameB) {
  require(a.rank == b.rank && std::equal(a.shape, a.shape + a.rank, b.shape),
          std::string("Expected the shape of ") + nameA + ", " + describe(a) + ", for " + nameB + " but received " +
              describe(b));
}

void requireCount(const SnTensor& tensor, const char* name, SnDType dtype, int64_t count) {
  requireTensor(tensor, name, dtype);
  requireDense(tensor, name);
  require(elementCount(tensor) == count, std::string("Expected ") + std::to_string(count) + " elements for " + name +
                                             " but received " + describe(tensor));
}

void requireSameRows(const Rows& a, const char* nameA, const Rows& b, const char* nameB) {
  require(sameRows(a, b), std::string("Expected one layout for ") + nameA + " and " + nameB + " but received two");
}

Chunks::Chunks(const Rows& rows) : segments_(rows.segments), rows_(rows.rows) {
  // Large enough that starting one costs nothing, small enough that many threads share the work evenly.
  constexpr int64_t leastElements = 8192, mostChunks = 256;
  const int64_t byWork = rows_ * rows.channels / leastElements;
  const int64_t wanted = std::max<int64_t>(1, std::min(byWork, mostChunks / segments_));
  rowsPerPart_ = (rows_ + wanted - 1) / wanted;
  // Rows of one float: begin at cache lines.
  if (rows.channels == 1) rowsPerPart_ = (rowsPerPart_ + 15) / 16 * 16;
  parts_ = (rows_ + rowsPerPart_ - 1) / rowsPerPart_;
}

Chunks::Chunk Chunks::at(int64_t index) const {
  // Part by part within a segment, so that a thread's chunks are neighbours in memory.
  const int64_t segment = index / parts_;
  const int64_t begin = index % parts_ * rowsPerPart_;
  return {index, segment, begin, std::min(rows_, begin + rowsPerPart_)};
}

}  // namespace saturnn::cpu
