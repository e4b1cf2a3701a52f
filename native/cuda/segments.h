// The optional table of rates and decays by segment: inputs `position` (ends), and the two after it (rates, decays), of
// an op that changes the weights.
#pragma once

#include "kernel.h"

namespace saturnn {

class SegmentInputs {
 public:
  // `count`: of the parameters. Throws ERR_INVALID_ARGUMENT.
  SegmentInputs(const SnOpDesc& op, int32_t position, int64_t count, float weightDecay, int32_t decayed)
      : position_(position) {
    if (decayed < 0 || decayed > count) {
      refuse(op, "decayed", "0 to " + std::to_string(count) + " parameters", std::to_string(decayed));
    }
    segments_.weightDecay = weightDecay;
    segments_.decayed = decayed;
    const SnTensor* table = op.inputs + position;
    if (!isPresent(table[0]) && !isPresent(table[1]) && !isPresent(table[2])) return;
    const int64_t length = elementCount(table[0]);
    requireI32(op, "ends", table[0], length);
    requireVector(op, "rates", table[1], length);
    requireVector(op, "decays", table[2], length);
    segments_.count = static_cast<int32_t>(length);
  }

  // Given the pointers of launch().
  Segments at(void* const* inputs) const {
    Segments segments = segments_;
    segments.ends = static_cast<const int32_t*>(inputs[position_]);
    segments.rates = static_cast<const float*>(inputs[position_ + 1]);
    segments.decays = static_cast<const float*>(inputs[position_ + 2]);
    return segments;
  }

 private:
  int32_t position_;
  Segments segments_{};
};

}  // namespace saturnn
