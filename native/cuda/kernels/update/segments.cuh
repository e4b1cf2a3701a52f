// Rate and weight decay of the elements of the parameter arena, looked up by a thread for one element after the other.
#pragma once

#include "cuda/kernels/common/rows.cuh"
#include "cuda/kernels/update.h"

namespace saturnn::cuda {

// Returns the first segment whose end is larger than `element`, or the count of segments if there is none.
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

// With a table: each thread searches it once, while its elements are being loaded, then follows it.
template <bool HasTable>
class SegmentCursor {
 public:
  __device__ SegmentCursor(const Segments& segments, int64_t first)
      : segments_(segments), segment_(findSegment(segments.ends, segments.count, first)) {
    read();
  }

  // Whether the element is in a segment; if so, sets its numbers. Elements must be passed in increasing order.
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

// Without a table: weight decay applies to the first elements.
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

// Returns scale g + decay w. Without decay the term 0 * w is left out: it would turn an infinite weight into NaN.
__device__ __forceinline__ float directionOf(float gradient, float scale, float decay, float weight) {
  const float direction = scale * gradient;
  return decay == 0.0f ? direction : direction + decay * weight;
}

// Returns a factor; 1 if it is absent.
__device__ __forceinline__ float factorOf(const float* __restrict__ factor) { return factor ? *factor : 1.0f; }

}  // namespace saturnn::cuda
