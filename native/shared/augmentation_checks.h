// The checks of the ops of ops/augmentation.def, for every backend.
#pragma once

#include "shared/augmentation.h"
#include "shared/checks.h"

namespace saturnn {

// Checks everything of augment but the dtype of y. Throws ERR_INVALID_ARGUMENT.
inline void requireAugmentation(const SnOpDesc& desc) {
  const SnTensor &images = desc.inputs[0], &places = desc.inputs[2], &colours = desc.inputs[3];
  const SnTensor &mean = desc.inputs[4], &y = desc.outputs[0];
  requireImage(images, "images", SN_U8);
  requireDense(images, "images");
  requireImage(y, "y");
  const int64_t batch = y.shape[0], channels = images.shape[3];
  const bool fits = isPresent(places) || (y.shape[1] <= images.shape[1] && y.shape[2] <= images.shape[2]);
  if (!fits || y.shape[3] != channels) refuse("y", "crops of images, " + describe(images) + ",", describe(y));
  requireVector(desc.inputs[1], "indices", SN_I32, batch);
  if (isPresent(places)) {
    requireDense(places, "places", SN_F32);
    requireShape(places, "places", {batch, kPlaceColumns});
  }
  requireDense(mean, "mean", SN_F32);
  if (mean.rank == 3) {
    requireShape(mean, "mean", {images.shape[1], images.shape[2], channels});
  } else {
    requireVector(mean, "mean", SN_F32, channels);
  }
  requireVector(desc.inputs[5], "inverseDeviation", SN_F32, channels);
  if (!isPresent(colours)) return;
  requireDense(colours, "colours", SN_F32);
  requireShape(colours, "colours", {batch, kColoursColumns});
  if (channels != 1 && channels != 3) refuse("images", "1 or 3 channels with colours", describe(images));
  if (mean.rank == 3) refuse("mean", "one number per channel with colours", describe(mean));
}

// Checks everything of mix but the dtype of x. Throws ERR_INVALID_ARGUMENT.
inline void requireMixing(const SnOpDesc& desc) {
  const SnTensor& x = desc.inputs[0];
  requireImage(x, "x");
  requireDense(x, "x");
  requireLike(desc.outputs[0], "y", x);
  requireDense(desc.outputs[0], "y");
  requireDense(desc.inputs[1], "mixes", SN_F32);
  requireShape(desc.inputs[1], "mixes", {x.shape[0], kMixingColumns});
}

}  // namespace saturnn
