#include "cpu/update/segments.h"

namespace saturnn::cpu {

Segments::Segments(const SnOpDesc& desc, int32_t position, int64_t count, float weightDecay, int32_t decayed)
    : position_(position), weightDecay_(weightDecay), decayed_(decayed) {
  if (decayed < 0 || decayed > count) {
    refuse("decayed", "0 to " + std::to_string(count) + " parameters", std::to_string(decayed));
  }
  const SnTensor* table = desc.inputs + position;
  if (!isPresent(table[0]) && !isPresent(table[1]) && !isPresent(table[2])) return;
  length_ = elementCount(table[0]);
  requireVector(table[0], "ends", SN_I32, length_);
  requireVector(table[1], "rates", SN_F32, length_);
  requireVector(table[2], "decays", SN_F32, length_);
}

}  // namespace saturnn::cpu
