// The learning rate and the weight decay of each element of the parameter arena, for the kernels that update it. Three
// optional inputs give them by segment: ends i32 [S], increasing, the index after the last element of each segment;
// rates f32 [S], factors on the learning rate; decays f32 [S], weight decay. Without them the rate is the learning rate
// everywhere, and the first `decayed` elements have the weight decay of the op's attributes.
#pragma once

#include <algorithm>

#include "cpu/geometry.h"
#include "cpu/kernel.h"

namespace saturnn::cpu {

// The table at launch. Its numbers come from a tensor and may be wrong: elements that no segment covers are not
// changed, and no order of the ends leads outside the arena.
struct SegmentTable {
  const int32_t* ends;
  int64_t count;

  // Returns the first segment whose end is larger than `element`.
  int64_t find(int64_t element) const { return std::upper_bound(ends, ends + count, element) - ends; }

  // Calls body(segment, begin, end) for the parts of all segments within [begin, end), in order.
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
  // The table is in the inputs `position`, `position` + 1 and `position` + 2 of the op, or all three are absent.
  Segments(const SnOpDesc& desc, int32_t position, int64_t count, float weightDecay, int32_t decayed);

  // Calls body(begin, end, rate, decay) for the parts of [begin, end) that have the same numbers.
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

// Returns the input that is a factor on the gradient, f32 [1]; 1 if it is absent.
inline float gradientScale(const void* input) { return input ? *static_cast<const float*>(input) : 1.0f; }

}  // namespace saturnn::cpu
