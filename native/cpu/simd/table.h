// The inner loops of the own kernels, once per instruction set: one table of function pointers each, chosen at run
// time.
//
// The loops see only rows: `rows` runs of `channels` contiguous floats, `pitch` floats apart. Both layouts and every
// channel slice are such rows (../geometry.h), so no loop knows of layouts, slices or threads.
//
// baseline.cc, avx2.cc and avx512.cc compile the same *_loops.h with different flags. Nothing in them may have external
// linkage but the table itself: of an inline function that two objects share, the linker keeps one copy, and that could
// be the AVX-512 one on a processor that has none. So they include no C++ standard headers, and everything is in
// anonymous namespaces (`nm -g --defined-only` on each object shows one symbol).
#pragma once

#include <stdint.h>

namespace saturnn {

// Activation kinds of backend.h, and one more entry for SN_NO_ACTIVATION: the bias alone.
enum { simdActivationCount = 7, simdIdentity = 6 };

// y = f(x + bias). x may be y.
struct ActivationRows {
  const float* x;
  int64_t xPitch;
  const float* bias;  // [channels], or null
  float* y;
  int64_t yPitch;
  int64_t rows, channels;
  float slope;
};

// dx = dy f'(y). dx may be dy or y.
struct ActivationGradientRows {
  const float* dy;
  int64_t dyPitch;
  const float* y;
  int64_t yPitch;
  float* dx;
  int64_t dxPitch;
  float* biasGradient;  // [channels], overwritten with the sum of dx over the rows; or null
  int64_t rows, channels;
  float slope;
};

// A half-open range of positions along one image axis.
struct Span {
  int32_t begin, end;
};

// One row of a pooled image. Pixel (h, w) of the image that is read begins at h * rowPitch + w * pixelPitch; pixel w of
// the row that is written begins at w * outputPitch. `rows` are the image rows that the written row depends on,
// columns[w] the columns that pixel w depends on. Both are clipped and never empty, except in gradients.
struct PoolRow {
  const float* input;
  int64_t rowPitch, pixelPitch;
  Span rows;
  const Span* columns;
  float* output;
  int64_t outputPitch;
  int32_t outputWidth;
  int64_t channels;
};

// A window's position number: (row - rowOrigin) * kernelWidth + column - columnOrigins[...], in the unclipped window.
// Forward, the origins are of the window that is written; backward, of each window that is read.
struct MaxPoolRow {
  PoolRow pool;
  int32_t kernelWidth;
  int32_t rowOrigin;             // forward: first row of the unclipped window; backward: the dx row that is written
  const int32_t* columnOrigins;  // per output column of the forward pooling
  const int32_t* rowOrigins;     // backward only: per output row of the forward pooling
  uint8_t* indices;              // written forward (may be null), read backward
  int64_t indexRowPitch, indexPixelPitch;
};

struct AveragePoolRow {
  PoolRow pool;
  // Forward: 1 / (rows in the window), and 1 / (columns in the window) per output column.
  // Backward: the same numbers of the windows that are read, per row and per column.
  const float* rowWeights;
  const float* columnWeights;
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
  float firstRate, secondRate;   // 1 - beta1, 1 - beta2
  float stepSize;                // learning rate / (1 - beta1^t)
  float inverseCorrection;       // 1 / sqrt(1 - beta2^t)
  float epsilon;
  float gradientDecay;  // added to the gradient, times the weight (Adam)
  float weightShrink;   // subtracted from the weight, times the weight: learning rate * decay (AdamW)
};

// One row of an augmented image: `pixels` pixels of `channels` bytes, from right to left if `mirror`.
// `mean` has one float per byte, in the order of `source`; `inverseDeviation` is repeated for every pixel of the row.
struct AugmentRow {
  const uint8_t* source;
  const float* mean;
  const float* inverseDeviation;
  float* y;
  int64_t pixels, channels;
  bool mirror;
};

struct SimdTable {
  const char* name;  // as in SnKernelInfo: "saturnn:" + name
  void (*activate[simdActivationCount])(const ActivationRows&);
  void (*activateGradient[simdActivationCount - 1])(const ActivationGradientRows&);
  void (*maxPool)(const MaxPoolRow&);
  void (*maxPoolGradient)(const MaxPoolRow&);
  void (*averagePool)(const AveragePoolRow&);
  void (*averagePoolGradient)(const AveragePoolRow&);
  // y[c] = scale * (sum of x over the rows)
  void (*sumRows)(const float* x, int64_t pitch, int64_t rows, int64_t channels, float scale, float* y);
  // y = scale * x[c] in every row
  void (*fillRows)(const float* x, float scale, float* y, int64_t pitch, int64_t rows, int64_t channels);
  // y = inputs[0] + ... + inputs[inputCount - 1], 2 to 8 of them, added in that order. y may be inputs[0].
  void (*add)(const float* const* inputs, int32_t inputCount, float* y, int64_t count);
  void (*sgd)(const SgdRun&);
  void (*adam)(const AdamRun&);
  // y += rate (x - y)
  void (*approach)(const float* x, float* y, float rate, int64_t count);
  // In double, so that it cannot overflow.
  double (*sumOfSquares)(const float* x, int64_t count);
  // p = e^(x - max x), not yet divided by their sum, which is returned. The maximum goes to *maximum.
  float (*exponentials)(const float* x, float* p, int64_t count, float* maximum);
  void (*scale)(float* x, float factor, int64_t count);
  void (*augment)(const AugmentRow&);
};

extern const SimdTable simdBaseline, simdAvx2, simdAvx512;

// The widest table that this processor runs; or the one that SATURNN_CPU_ISA (baseline, avx2, avx512) names, for tests.
// Throws ERR_INVALID_ARGUMENT if that is unknown or not supported here.
const SimdTable& selectSimdTable();

}  // namespace saturnn
