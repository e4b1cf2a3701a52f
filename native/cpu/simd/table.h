// The inner loops of the own kernels, once per instruction set: one table of function pointers each, chosen at run
// time.
//
// The loops see only rows: `rows` runs of `channels` contiguous elements, `pitch` elements apart. Both layouts and every
// channel slice are such rows (../geometry.h), so no loop knows of layouts, slices or threads. T is how the elements of
// images are stored, float or Bf16; all arithmetic is in f32.
//
// baseline.cc, avx2.cc and avx512.cc, and those with activation_ before the name, compile the same *_loops.h with different
// flags. Nothing in them may have external linkage but the table itself: of an inline function that two objects share, the linker keeps one copy, and that could
// be the AVX-512 one on a processor that has none. So they include no C++ standard headers, and everything is in
// anonymous namespaces (`nm -g --defined-only` on each object shows one symbol).
#pragma once

#include <stdint.h>

#include "cpu/simd/bf16.h"
#include "shared/augmentation.h"

namespace saturnn::cpu {

// y = f(x + bias). x may be y.
template <typename T>
struct ActivationRows {
  const T* x;
  int64_t xPitch;
  const float* bias;  // [channels], or null
  T* y;
  int64_t yPitch;
  int64_t rows, channels;
  float slope;
};

// dx = dy f'(y). dx may be dy or y.
template <typename T>
struct ActivationGradientRows {
  const T* dy;
  int64_t dyPitch;
  const T* y;
  int64_t yPitch;
  T* dx;
  int64_t dxPitch;
  float* biasGradient;  // [channels], overwritten with the sum of dx, before it is rounded, over the rows; or null
  int64_t rows, channels;
  float slope;
};

// Where random slopes come from: lower + scale * (the upper 24 bits of a Philox word).
struct SlopeSource {
  uint32_t seed, step, stream;
  float lower, scale;
};

// Rows of elements, and where they lie in the order of the whole tensor: element (r, c) is number
// firstElement + r * elementPitch + c. Either elementPitch == channels, or channels == 16 and both others are multiples
// of 16.
struct SlopeRows {
  int64_t rows, channels;
  int64_t firstElement, elementPitch;
};

// y = x + bias, times the element's slope where that is below 0. x may be y.
struct RandomizedReluRows {
  SlopeSource source;
  SlopeRows at;
  const float* x;
  int64_t xPitch;
  const float* bias;  // [channels], or null
  float* y;
  int64_t yPitch;
};

// dx = dy, times the element's slope where y is below 0. dx may be dy or y.
struct RandomizedReluGradientRows {
  SlopeSource source;
  SlopeRows at;
  const float* dy;
  int64_t dyPitch;
  const float* y;
  int64_t yPitch;
  float* dx;
  int64_t dxPitch;
  float* biasGradient;  // [channels], overwritten with the sum of dx over the rows; or null
};

// A half-open range of positions along one image axis.
struct Span {
  int32_t begin, end;
};

// One row of a pooled image. Pixel (h, w) of the image that is read begins at h * rowPitch + w * pixelPitch; pixel w of
// the row that is written begins at w * outputPitch. `rows` are the image rows that the written row depends on,
// columns[w] the columns that pixel w depends on. Both are clipped and never empty, except in gradients.
template <typename T>
struct PoolRow {
  const T* input;
  int64_t rowPitch, pixelPitch;
  Span rows;
  const Span* columns;
  T* output;
  int64_t outputPitch;
  int32_t outputWidth;
  int64_t channels;
  float* sums;  // [outputWidth * channels], undefined before: for sums that the output could only hold rounded
};

// A window's position number: (row - rowOrigin) * kernelWidth + column - columnOrigins[...], in the unclipped window.
// Forward, the origins are of the window that is written; backward, of each window that is read.
template <typename T>
struct MaxPoolRow {
  PoolRow<T> pool;
  int32_t kernelWidth;
  int32_t rowOrigin;             // forward: first row of the unclipped window; backward: the dx row that is written
  const int32_t* columnOrigins;  // per output column of the forward pooling
  const int32_t* rowOrigins;     // backward only: per output row of the forward pooling
  uint8_t* indices;              // written forward (may be null), read backward
  int64_t indexRowPitch, indexPixelPitch;
};

template <typename T>
struct AveragePoolRow {
  PoolRow<T> pool;
  // Forward: 1 / (rows in the window), and 1 / (columns in the window) per output column.
  // Backward: the same numbers of the windows that are read, per row and per column.
  const float* rowWeights;
  const float* columnWeights;
};

// y = x scale + bias, with vectors [channels], of which either may be null: 1 and 0. y may be x.
template <typename T>
struct AffineRows {
  const T* x;
  int64_t xPitch;
  const float *scale, *bias;
  T* y;
  int64_t yPitch;
  int64_t rows, channels;
};

// sums[c] = the sum of dy x over the rows, or of dy if x is null; added to what `sums` holds if `adds`.
template <typename T>
struct ProductRows {
  const T* dy;
  int64_t dyPitch;
  const T* x;
  int64_t xPitch;
  int64_t rows, channels;
  float* sums;
  bool adds;
};

struct SgdRun {
  float* parameters;
  float* momentum;
  const float* gradient;
  int64_t count;
  float gradientScale, learningRate, momentumFactor, weightDecay;
  bool nesterov;
};

struct AdamRun {
  float* parameters;
  float* firstMoment;
  float* secondMoment;
  const float* gradient;
  int64_t count;
  float gradientScale;
  float firstRate, secondRate;  // 1 - beta1, 1 - beta2
  float stepSize;               // learning rate / (1 - beta1^t)
  float inverseCorrection;      // 1 / sqrt(1 - beta2^t)
  float epsilon;
  float gradientDecay;  // added to the gradient, times the weight (Adam)
  float weightShrink;   // subtracted from the weight, times the weight: learning rate * decay (AdamW)
};

// One row of an augmented image: `pixels` pixels of `channels` bytes, from right to left if `mirror`.
// `mean` has one float per byte, in the order of `source`; `inverseDeviation` is repeated for every pixel of the row.
template <typename T>
struct AugmentRow {
  const uint8_t* source;
  const float* mean;
  const float* inverseDeviation;
  T* y;
  int64_t pixels, channels;
  bool mirror;
  bool meanPerPixel;  // else `mean` is the same for every pixel
};

// A row of floats whose colours change: brightness, contrast, saturation and hue. y = the normalised result.
template <typename T>
struct ColouredRow {
  const float* x;
  int64_t pixels, channels;
  Colours colours;
  float grey;  // the mean of the image's greys after the change of brightness
  const float* mean;
  const float* inverseDeviation;
  T* y;
};

// The pixels that each of the `length` columns (or rows) of an upright result is made of: tap t of column i has the weight
// weights[i pitch + t], and begins with element firsts[i] + t stride of the source, counted from pixel extent.first. At most
// `taps` weights are above 0; all are 0 if the pixel lies outside of the source.
struct TapWeights {
  float scale, origin;
  int32_t length;
  Extent extent;
  int32_t taps, pitch, stride;  // pitch: a multiple of tapGroup
  int32_t* firsts;
  float* weights;
};
constexpr int32_t tapGroup = 4;

// y = the weighted sum of 1 to 4 rows of bytes, `pitch` apart, added to y unless they are the first.
constexpr int32_t rowsAtOnce = 4;
struct ByteRows {
  const uint8_t* x;
  int64_t pitch;
  const float* weights;
  int32_t rows;
  float* y;
  int64_t count;
  bool isFirst;
};

// y[w] = the weighted sum of pixels of x, per channel. x has columns.pitch pixels more than its row, and y one float.
struct ColumnSums {
  const float* x;
  TapWeights columns;
  int64_t channels;
  float* y;
};

// A row whose pixel w is interpolated at (row + w rowStep, column + w columnStep) of an image of `height` x `width`, less
// its mean if there is one per pixel.
struct RotatedRow {
  const uint8_t* image;
  const float* mean;  // [channels], or of the whole image
  int64_t height, width, channels;
  bool meanPerPixel;
  float rowStep, row, columnStep, column;
  float* y;  // with room for one float more
  int64_t pixels;
};

// Sums of x - centre and of its square.
struct CentredSums {
  double sum, squares;
};

// Sums over the rows, per channel, in double; x counts from its pivot, a value near the channel's mean.
// moments: of x and x². gradientMoments: of x, dy and dy x. Sum k of channel c goes to sums[k * sumPitch + c].
struct MomentRows {
  const float* x;
  int64_t xPitch;
  const float* dy;  // gradientMoments only
  int64_t dyPitch;
  const float* pivot;  // [channels]
  double* sums;
  int64_t sumPitch;
  int64_t rows, channels;
};

// normalize: y = (x - mean - meanRest) factor + shift; y may be x. normalizeGradient: dy dyFactor is added; y may be dy.
// All five coefficients are [channels]. meanRest is what f32 cannot hold of the mean.
struct NormalizeRows {
  const float* x;
  int64_t xPitch;
  const float* dy;  // normalizeGradient only
  int64_t dyPitch;
  float* y;
  int64_t yPitch;
  const float *mean, *meanRest, *factor, *shift, *dyFactor;
  int64_t rows, channels;
};

// y = x scale, or x 0 where the element's random word is below `threshold`. Row r begins at element
// firstElement + r * elementPitch of the tensor in logical order (NHWC). y may be x.
struct DropoutRows {
  const float* x;
  int64_t xPitch;
  float* y;
  int64_t yPitch;
  int64_t rows, channels;
  int64_t firstElement, elementPitch;
  uint32_t seed, step, stream, threshold;
  float scale;
};

template <typename T>
struct ActivationLoops {
  void (*forward)(const ActivationRows<T>&);
  void (*gradient)(const ActivationGradientRows<T>&);  // null for the bias alone
};

// The loops of native/activations.def, in sources of their own, so that a changed activation compiles nothing else:
// activation_baseline.cc and so on. Index: id, from 0 to `count` - 1; at SN_NO_ACTIVATION (-1), the loop for the bias alone.
struct ActivationTable {
  int count;
  const ActivationLoops<float>* floats;
  const ActivationLoops<Bf16>* bf16;  // null where SimdTable::bf16 is
};

extern const ActivationTable simdActivationsBaseline, simdActivationsAvx2, simdActivationsAvx512;

// Loops over images whose elements are stored as T.
template <typename T>
struct ImageLoops {
  void (*maxPool)(const MaxPoolRow<T>&);
  void (*maxPoolGradient)(const MaxPoolRow<T>&);
  void (*averagePool)(const AveragePoolRow<T>&);
  void (*averagePoolGradient)(const AveragePoolRow<T>&);
  // y[c] = scale * (sum of x over the rows)
  void (*sumRows)(const T* x, int64_t pitch, int64_t rows, int64_t channels, float scale, float* y);
  // y = scale * x[c] in every row
  void (*fillRows)(const float* x, float scale, T* y, int64_t pitch, int64_t rows, int64_t channels);
  // y[c] = the largest x over the rows, and the first row that has it (positions may be null). The first NaN is the largest.
  void (*largestRow)(const T* x, int64_t pitch, int64_t rows, int64_t channels, float* y, int32_t* positions);
  // y = x[c] in row positions[c], and 0 in the others
  void (*placeRow)(const float* x, const int32_t* positions, T* y, int64_t pitch, int64_t rows, int64_t channels);
  // y = inputs[0] + ... + inputs[inputCount - 1], 2 to 8 of them, added in that order. y may be inputs[0].
  void (*add)(const T* const* inputs, int32_t inputCount, T* y, int64_t count);
  void (*affine)(const AffineRows<T>&);
  void (*productSums)(const ProductRows<T>&);
  void (*augment)(const AugmentRow<T>&);
  // y = (x - mean) inverseDeviation, element by element
  void (*normalizeRow)(const float* x, const float* mean, const float* inverseDeviation, T* y, int64_t count);
  void (*recolour)(const ColouredRow<T>&);
  // y = share x + rest partner; `partner` is not read if rest is 0
  void (*mix)(const T* x, float share, const T* partner, float rest, T* y, int64_t count);
  void (*toFloats)(const T* x, float* y, int64_t count);
  void (*fromFloats)(const float* x, T* y, int64_t count);
};

// Its own image loops are those of f32.
struct SimdTable : ImageLoops<float> {
  const char* name;  // as in SnKernelInfo: "saturnn:" + name
  const ActivationTable* activations;
  const ImageLoops<Bf16>* bf16;  // null: left out, because oneDNN has no bf16 for such processors either
  void (*randomizedRelu)(const RandomizedReluRows&);
  void (*randomizedReluGradient)(const RandomizedReluGradientRows&);
  void (*sgd)(const SgdRun&);
  void (*adam)(const AdamRun&);
  // y += rate (x - y)
  void (*approach)(const float* x, float* y, float rate, int64_t count);
  // In double, so that it cannot overflow.
  double (*sumOfSquares)(const float* x, int64_t count);
  // In double, too.
  CentredSums (*centredSums)(const float* x, int64_t count, double centre);
  // p = e^(x - max x), not yet divided by their sum, which is returned. The maximum goes to *maximum.
  float (*exponentials)(const float* x, float* p, int64_t count, float* maximum);
  void (*scale)(float* x, float factor, int64_t count);
  void (*moments)(const MomentRows&);
  void (*gradientMoments)(const MomentRows&);
  void (*normalize)(const NormalizeRows&);
  void (*normalizeGradient)(const NormalizeRows&);
  void (*dropout)(const DropoutRows&);
  // y = keep * a + take * b
  void (*blend)(const float* a, float keep, const float* b, float take, float* y, int64_t count);
  // y = a row of bytes, from right to left if `mirror`
  void (*bytesToFloats)(const uint8_t* x, float* y, int64_t pixels, int64_t channels, bool mirror);
  void (*prepareTaps)(const TapWeights&);
  void (*sumRowsOfBytes)(const ByteRows&);
  void (*sumColumns)(const ColumnSums&);
  void (*rotateRow)(const RotatedRow&);
  // Returns the sum of the greys of a row whose pixels are multiplied by `brightness`, and then stay within 0 to 255.
  double (*sumGreys)(const float* x, int64_t pixels, int64_t channels, float brightness);
};

extern const SimdTable simdBaseline, simdAvx2, simdAvx512;

// The widest table that this processor runs; or the one that SATURNN_CPU_ISA (baseline, avx2, avx512) names, for tests.
// Throws ERR_INVALID_ARGUMENT if that is unknown or not supported here.
const SimdTable& selectSimdTable();

}  // namespace saturnn::cpu
