// The arithmetic of augmentation, the same on the host and on CUDA devices: where the pixels of an augmented image lie in
// the image of the data set, how they are interpolated, and how their colours change.
#pragma once

#include "shared/arithmetic.h"

namespace saturnn {

// A row of augment's table `places`. Pixel (h, w) of the result lies at row rowPerRow h + rowPerColumn w + firstRow of the
// source and at column columnPerRow h + columnPerColumn w + firstColumn, where whole numbers are the centres of pixels.
struct Place {
  float rowPerRow, rowPerColumn, firstRow;
  float columnPerRow, columnPerColumn, firstColumn;
};

// A row of augment's table `colours`: factors, and a part of the circle of hues, which are applied in this order.
struct Colours {
  float brightness, contrast, saturation, hue;
};

// A row of mix's table `mixes`: within a rectangle, y = share x[n] + (1 - share) x[partner], or share x[n] if partner is -1.
struct Mixing {
  float partner, share;
  float top, left, bottom, right;  // the rectangle: rows from top to below bottom, columns from left to below right
};

constexpr int32_t kPlaceColumns = sizeof(Place) / sizeof(float);
constexpr int32_t kColoursColumns = sizeof(Colours) / sizeof(float);
constexpr int32_t kMixingColumns = sizeof(Mixing) / sizeof(float);

// The crop at the centre, which has no table.
SN_INLINE Place centrePlace(int32_t spareRows, int32_t spareColumns) {
  const int32_t top = spareRows / 2, left = spareColumns / 2;
  return {1.0f, 0.0f, static_cast<float>(top), 0.0f, 1.0f, static_cast<float>(left)};
}

// Whether all numbers are finite. The images of others are NaN.
SN_INLINE bool isFinitePlace(const Place& place) {
  const float sum = place.rowPerRow + place.rowPerColumn + place.firstRow + place.columnPerRow + place.columnPerColumn +
                    place.firstColumn;
  return sum - sum == 0.0f;
}

// Whether the result's rows are rows of the source: nothing is rotated or sheared.
SN_INLINE bool isUpright(const Place& place) { return place.rowPerColumn == 0.0f && place.columnPerRow == 0.0f; }

// Far outside of every image, but within the range of int32_t even after a sum.
constexpr float kFarPixel = 1048576.0f;

// Rounds down to a pixel. Numbers beyond every image become kFarPixel, and NaN -kFarPixel.
SN_INLINE int32_t pixelBelow(float position) {
  return static_cast<int32_t>(position > -kFarPixel ? floorf(position < kFarPixel ? position : kFarPixel) : -kFarPixel);
}

// Whether a scale and an origin map whole pixels to whole pixels, one to one.
SN_INLINE bool isWhole(float scale, float origin) {
  return (scale == 1.0f || scale == -1.0f) && origin == floorf(origin) && origin > -kFarPixel && origin < kFarPixel;
}

// Whether the result consists of pixels of the source: crops, mirrored or flipped.
SN_INLINE bool isCopy(const Place& place) {
  return isUpright(place) && isWhole(place.rowPerRow, place.firstRow) &&
         isWhole(place.columnPerColumn, place.firstColumn);
}

// The pixels first to last of a row (or column) of the source that a pixel of an upright result is made of. There is none
// if last < first: that pixel lies outside of the source.
struct Taps {
  int32_t first, last;
  float centre, inverseSupport;
};

// The pixels of the source that the `length` rows (or columns) of an upright result cover: first to last.
struct Extent {
  int32_t first, last;
};

SN_INLINE Extent extentOf(float scale, float origin, int32_t length, int32_t sourceLength) {
  const float begin = origin - 0.5f * scale, end = origin + (static_cast<float>(length) - 0.5f) * scale;
  // The edges of pixel p are at p - 1/2 and p + 1/2; an edge is rounded to the nearest one.
  const int32_t first = pixelBelow((begin < end ? begin : end) + 1.0f);
  const int32_t last = pixelBelow((begin < end ? end : begin) + 1.0f) - 1;
  return {first < 0 ? 0 : first, last >= sourceLength ? sourceLength - 1 : last};
}

// The weights fall linearly to 0 at a distance of one pixel of the result, or of the source where that is larger: a
// reduced image is an average, without aliasing (bilinear with antialiasing in PyTorch and Pillow).
SN_INLINE Taps tapsOf(float scale, float origin, int32_t position, const Extent& extent) {
  const float centre = origin + static_cast<float>(position) * scale;
  const float size = fabsf(scale);
  const float support = size > 1.0f ? size : 1.0f;
  const int32_t first = pixelBelow(centre - support) + 1, last = -pixelBelow(-(centre + support)) - 1;
  return {first < extent.first ? extent.first : first, last > extent.last ? extent.last : last, centre, 1.0f / support};
}

SN_INLINE float weightOf(const Taps& taps, int32_t pixel) {
  return 1.0f - fabsf(static_cast<float>(pixel) - taps.centre) * taps.inverseSupport;
}

// The arithmetic of colours. F: float, or a vector of floats, each of another pixel; so it has no branches.

// The larger one, and b if one of them is NaN.
template <typename F>
SN_INLINE F larger(F a, F b) {
  return a > b ? a : b;
}

template <typename F>
SN_INLINE F smaller(F a, F b) {
  return a < b ? a : b;
}

// x within low to high; NaN stays.
template <typename F>
SN_INLINE F within(F x, float low, float high) {
  return smaller(F{} + high, larger(F{} + low, x));
}

template <typename F>
SN_INLINE F asPixel(F value) {
  return within(value, 0.0f, 255.0f);
}

// Grey of a colour, with the weights of ITU-R BT.601 that Pillow and PyTorch use.
constexpr float kGreyOfRed = 0.2989f, kGreyOfGreen = 0.587f, kGreyOfBlue = 0.114f;

template <typename F>
SN_INLINE F greyOf(F red, F green, F blue) {
  return kGreyOfRed * red + kGreyOfGreen * green + kGreyOfBlue * blue;
}

// Distance of hues, in sixths of the circle.
template <typename F>
SN_INLINE F distance(F a, float b) {
  const F difference = a - b;
  return larger(difference, -difference);
}

// Moves the hue of a colour, whose saturation and value (the largest of the three) stay.
template <typename F>
SN_INLINE void shiftHue(F& red, F& green, F& blue, float turns) {
  const F most = larger(larger(red, green), blue), least = smaller(smaller(red, green), blue), range = most - least;
  const F inverse = 1.0f / (range > 0.0f ? range : F{} + 1.0f);  // greys have no hue, and any is right
  F hue = (red - green) * inverse + 4.0f;
  hue = most == green ? (blue - red) * inverse + 2.0f : hue;
  hue = most == red ? (green - blue) * inverse : hue;
  // It is -1 to 5 so far, and from 0 to below 12 with 1 to 7 added.
  const float sixths = 6.0f * (turns - floorf(turns));
  hue = hue + (sixths < 1.0f ? sixths + 6.0f : sixths);
  hue = hue < 6.0f ? hue : hue - 6.0f;
  // A channel is full within a sixth of the circle from its own hue, and has none of the range from two sixths on.
  red = least + range * within(distance(hue, 3.0f) - 1.0f, 0.0f, 1.0f);
  green = least + range * within(2.0f - distance(hue, 2.0f), 0.0f, 1.0f);
  blue = least + range * within(2.0f - distance(hue, 4.0f), 0.0f, 1.0f);
}

// Contrast and saturation of a pixel of three channels whose brightness was changed. `grey`: the mean of the image's greys
// after that.
template <typename F>
SN_INLINE void adjustColours(F& red, F& green, F& blue, const Colours& colours, float grey) {
  const float added = (1.0f - colours.contrast) * grey;
  red = asPixel(colours.contrast * red + added);
  green = asPixel(colours.contrast * green + added);
  blue = asPixel(colours.contrast * blue + added);
  const F own = (1.0f - colours.saturation) * greyOf(red, green, blue);
  red = asPixel(colours.saturation * red + own);
  green = asPixel(colours.saturation * green + own);
  blue = asPixel(colours.saturation * blue + own);
}

// The columns of row h that are mixed: first to below last; none if they are equal.
struct MixedColumns {
  int32_t first, last;
};

SN_INLINE MixedColumns mixedColumns(const Mixing& mixing, int32_t h, int32_t width) {
  const bool isInside = static_cast<float>(h) >= mixing.top && static_cast<float>(h) < mixing.bottom;
  const int32_t left = pixelBelow(mixing.left), right = pixelBelow(mixing.right);
  const int32_t last = !isInside || right < 0 ? 0 : right < width ? right : width;
  const int32_t first = left < 0 ? 0 : left < last ? left : last;
  return {first, last};
}

constexpr int32_t kNoPartner = -1;     // nothing is added
constexpr int32_t kWrongPartner = -2;  // it is no image of the batch: the mixed pixels are NaN

SN_INLINE int32_t partnerOf(const Mixing& mixing, int64_t batch) {
  if (mixing.partner == -1.0f) return kNoPartner;
  const bool exists =
      mixing.partner >= 0.0f && mixing.partner < static_cast<float>(batch) && mixing.partner == floorf(mixing.partner);
  return exists ? static_cast<int32_t>(mixing.partner) : kWrongPartner;
}

}  // namespace saturnn
