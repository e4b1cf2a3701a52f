// Rate and weight decay of the elements of the parameter arena, as a thread asks for them: one element after the other.
#pragma once

#include "cuda/kernels/common/rows.cuh"
#include "cuda/kernels/update.h"

namespace saturnn::cuda {

// The first segment that ends beyond `element`; the count of segments if none does.
__device__ __forceinline__ int findSegment(const int32_t* __restrict__ ends, int count, int64_t element) {
  int low = 0, high = count;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (ends[middle] > element) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// With a table: searched once per thread, while the thread's elements are on their way from memory, then followed.
template <bool HasTable>
class SegmentCursor {
 public:
  __device__ SegmentCursor(const Segments& segments, int64_t first)
      : segments_(segments), segment_(findSegment(segments.ends, segments.count, first)) {
    read();
  }

  // Whether the element, which must not come before the last one, is in any segment; only then it has these numbers.
  __device__ bool moveTo(int64_t element) {
    while (segment_ < segments_.count && element >= end_) {
      ++segment_;
      read();
    }
    return segment_ < segments_.count;
  }

  __device__ float rate() const { return rate_; }
  __device__ float decay() const { return decay_; }

 private:
  __device__ void read() {
    if (segment_ >= segments_.count) return;
    end_ = segments_.ends[segment_];
    rate_ = segments_.rates[segment_];
    decay_ = segments_.decays[segment_];
  }

  const Segments& segments_;
  int segment_, end_ = 0;
  float rate_ = 0.0f, decay_ = 0.0f;
};

// Without: the decay of the first elements.
template <>
class SegmentCursor<false> {
 public:
  __device__ SegmentCursor(const Segments& segments, int64_t) : segments_(segments) {}

  __device__ bool moveTo(int64_t element) {
    decay_ = element < segments_.decayed ? segments_.weightDecay : 0.0f;
    return true;
  }

  __device__ float rate() const { return 1.0f; }
  __device__ float decay() const { return decay_; }

 private:
  const Segments& segments_;
  float decay_ = 0.0f;
};

// scale g + decay w. Without decay there is no term 0 * w: it would turn an infinite weight into NaN.
__device__ __forceinline__ float directionOf(float gradient, float scale, float decay, float weight) {
  const float direction = scale * gradient;
  return decay == 0.0f ? direction : direction + decay * weight;
}

// Of a factor that may be absent.
__device__ __forceinline__ float factorOf(const float* __restrict__ factor) { return factor ? *factor : 1.0f; }

}  // namespace saturnn::cuda
