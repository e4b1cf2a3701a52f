// Sums per channel over all pixels of all images, for batch normalisation and its gradient. They are made per chunk on
// all threads and added in the order of the chunks, so the result does not depend on the number of threads.
#pragma once

#include "cpu/device/device.h"
#include "cpu/geometry.h"

namespace saturnn::cpu {

// Checks x [..., C], f32, which may be a channel slice, and returns it as rows in as few segments as possible.
Rows batchNormRows(const SnTensor& tensor, const char* name);

class ChannelSums {
 public:
  ChannelSums() = default;
  // For `sums` kinds of sums over x, and over other tensors with the same rows.
  ChannelSums(const Rows& x, int64_t channels, int64_t sums);

  // Returns how many bytes of scratch the partial sums need.
  size_t bytes() const;

  // part(chunk, sums) must write sum k of channel c of the chunk to sums[k * pitch() + c], for the x.channels channels
  // of the chunk. Then total(c, sums) gets the sums of channel c. Both run on all threads.
  template <typename Part, typename Total>
  void forEach(void* scratch, const Part& part, const Total& total) const {
    auto* partial = static_cast<double*>(scratch);
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      // [parts][images][sums][channels]
      const int64_t row = chunk.index % chunks_.parts() * images_ + chunk.segment / blocksPerImage_;
      part(chunk, partial + row * sums_ * channels_ + firstChannel(chunk));
    });
    const int64_t groups = (channels_ + blockChannels - 1) / blockChannels;
#pragma omp parallel for schedule(static) if (groups > 1)
    for (int64_t group = 0; group < groups; ++group) {
      const int64_t begin = group * blockChannels;
      const int64_t count = begin + blockChannels < channels_ ? blockChannels : channels_ - begin;
      double sums[mostSums][blockChannels] = {};
      for (int64_t row = 0; row < rows_; ++row) {
        for (int64_t k = 0; k < sums_; ++k) {
          const double* from = partial + (row * sums_ + k) * channels_ + begin;
          for (int64_t c = 0; c < count; ++c) sums[k][c] += from[c];
        }
      }
      for (int64_t c = 0; c < count; ++c) total(begin + c, sums[0][c], sums[1][c], sums[2][c]);
    }
  }

  // Calls body(chunk) for all chunks of x, on all threads.
  template <typename Body>
  void forEachChunk(const Body& body) const {
    chunks_.forEach(body);
  }

  int64_t pitch() const { return channels_; }
  int64_t firstChannel(const Chunks::Chunk& chunk) const { return chunk.segment % blocksPerImage_ * blockChannels; }

 private:
  static constexpr int64_t mostSums = 3;

  Chunks chunks_;
  int64_t channels_ = 0, sums_ = 0, blocksPerImage_ = 1, images_ = 0;
  int64_t rows_ = 0;  // of partial sums
};

}  // namespace saturnn::cpu
