// The crop of an image by the op augment, and whether the image is mirrored: the same on the host and on CUDA devices.
#pragma once

#include "shared/philox.h"

namespace saturnn {

struct Crop {
  int32_t top, left;
  bool mirror;
};

SN_INLINE Crop centreCrop(int32_t spareRows, int32_t spareColumns) { return {spareRows / 2, spareColumns / 2, false}; }

// Draws the crop of the image at index `place` of the batch. All offsets are equally likely. counter = {seed, step}
SN_INLINE Crop drawCrop(int64_t place, const int32_t* counter, int32_t spareRows, int32_t spareColumns) {
  const uint32_t seed = static_cast<uint32_t>(counter[0]), step = static_cast<uint32_t>(counter[1]);
  const PhiloxNumbers random = philox4x32({{static_cast<uint32_t>(place), step, 0, 0}}, seed, augmentKey);
  return {static_cast<int32_t>(uniformBelow(random.values[0], static_cast<uint32_t>(spareRows) + 1)),
          static_cast<int32_t>(uniformBelow(random.values[1], static_cast<uint32_t>(spareColumns) + 1)),
          (random.values[2] & 1) != 0};
}

}  // namespace saturnn
