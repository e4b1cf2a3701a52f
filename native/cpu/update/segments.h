// Which learning rate and which weight decay each element of the parameter arena has: the part that the update kernels
// share. Three optional inputs say it segment by segment: ends i32 [S], increasing, the first element beyond each
// segment; rates f32 [S], factors on the learning rate; decays f32 [S], weight decay. Without them the rate is the
// learning rate everywhere, and the first `decayed` elements have the weight decay of the op's attributes.
#pragma once

#include <algorithm>

#include "cpu/geometry.h"
#include "cpu/kernel.h"

namespace saturnn::cpu {

// A table as it is found at launch. Its numbers come from a tensor: elements that no segment covers are left alone, and
// no order of the ends leads outside the arena.
struct SegmentTable {
  const int32_t* ends;
  int64_t count;

  // The first segment that ends beyond `element`.
  int64_t find(int64_t element) const { return std::upper_bound(ends, ends + count, element) - ends; }

  // body(segment, begin, end) for all parts of segments within [begin, end), in order.
  template <typename Body>
  void forEach(int64_t begin, int64_t end, const Body& body) const {
    for (int64_t s = find(begin); s < count && begin < end; ++s) {
      const int64_t segmentEnd = std::min<int64_t>(ends[s], end);
      if (segmentEnd > begin) body(s, begin, segmentEnd);
      begin = std::max(begin, segmentEnd);
    }
  }
};

class Segments {
 public:
  // The table is inputs `position`, `position` + 1 and `position` + 2 of the op, or none of them.
  Segments(const SnOpDesc& desc, int32_t position, int64_t count, float weightDecay, int32_t decayed);

  // body(begin, end, rate, decay) for all parts of [begin, end) with the same numbers.
  template <typename Body>
  void forEach(void* const* inputs, int64_t begin, int64_t end, const Body& body) const {
    if (length_ == 0) {
      const int64_t middle = std::clamp<int64_t>(decayed_, begin, end);
      if (begin < middle) body(begin, middle, 1.0f, weightDecay_);
      if (middle < end) body(middle, end, 1.0f, 0.0f);
      return;
    }
    const auto* rates = static_cast<const float*>(inputs[position_ + 1]);
    const auto* decays = static_cast<const float*>(inputs[position_ + 2]);
    const SegmentTable table{static_cast<const int32_t*>(inputs[position_]), length_};
    table.forEach(begin, end, [&](int64_t s, int64_t from, int64_t to) { body(from, to, rates[s], decays[s]); });
  }

 private:
  int32_t position_;
  int64_t length_ = 0;
  float weightDecay_;
  int32_t decayed_;
};

// Of the input that is a factor on the gradient, f32 [1]; 1 where it is absent.
inline float gradientScale(const void* input) { return input ? *static_cast<const float*>(input) : 1.0f; }

}  // namespace saturnn::cpu
