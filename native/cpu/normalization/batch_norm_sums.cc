#include "cpu/normalization/batch_norm_sums.h"

namespace saturnn::cpu {

Rows batchNormRows(const SnTensor& tensor, const char* name) {
  requireTensor(tensor, name, SN_F32);
  return elementRows(tensor);
}

ChannelSums::ChannelSums(const Rows& x, int64_t channels, int64_t sums)
    : chunks_(x),
      channels_(channels),
      sums_(sums),
      blocksPerImage_(x.blocksPerImage),
      images_(x.segments / x.blocksPerImage),
      rows_(chunks_.parts() * images_) {}

size_t ChannelSums::bytes() const { return static_cast<size_t>(rows_ * sums_ * channels_) * sizeof(double); }

}  // namespace saturnn::cpu
