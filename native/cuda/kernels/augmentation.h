// Launchers of kernels/augmentation.cu, for augmentation.cc.
#pragma once

#include "cuda/kernels/common/rows.h"
#include "shared/augmentation.h"

namespace saturnn::cuda {

// y = (pixel - mean) inverseDeviation for the chosen images, placed and coloured as the tables say; all NaN for an index
// that is none.
struct Augmentation {
  const uint8_t* images;   // [count, sourceHeight, sourceWidth, channels]
  const int32_t* indices;  // [batch]
  const Place* places;     // [batch]; null: the crops at the centre
  const Colours* colours;  // [batch]; null: as they are
  const float* mean;       // [channels], or [sourceHeight, sourceWidth, channels]
  const float* inverseDeviation;
  int64_t count, batch;
  int32_t sourceHeight, sourceWidth, height, width, channels;
  bool meanPerPixel;
};
constexpr int kLongestCrop = 65535;
// `greys`, [batch], is written only if there are colours.
void launchAugment(const Augmentation& augmentation, float* greys, Rows y, cudaStream_t stream);

struct MixedImages {
  const Mixing* mixes;  // [batch]
  int64_t batch;
  int32_t height, width, channels;
};
void launchMix(const MixedImages& images, ConstRows x, Rows y, cudaStream_t stream);

}  // namespace saturnn::cuda
