// Activation and its gradient over rows of channels: simple loops that the compiler vectorises.
//
// A dense tensor is one long run for any channel count: the bias (or the bias gradient) is repeated in a small pattern
// of whole rows, so that loops over the 16 channels of a blocked layout, or 7 of a plain one, are as long as those over
// 200. Short loops would be slower than a copy: the arithmetic of a tanh takes about as long as its memory traffic.
#pragma once

#include "cpu/simd/table.h"
#include "shared/activations.h"

namespace saturnn::cpu {
namespace {

constexpr int64_t patternLength = 128;

template <int Kind>
inline __attribute__((always_inline)) float activateOrPass(float x, float slope) {
  if constexpr (Kind == SN_NO_ACTIVATION) {
    return x;
  } else {
    return activate<Kind>(x, slope);
  }
}

// ivdep: x may be y, and dx may be dy or y, but element by element, so overlap need not be checked.
template <int Kind, typename T>
void activateRun(const T* x, const float* bias, T* y, int64_t count, float slope) {
  if (bias) {
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) y[i] = narrow<T>(activateOrPass<Kind>(widen(x[i]) + bias[i], slope));
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) y[i] = narrow<T>(activateOrPass<Kind>(widen(x[i]), slope));
  }
}

template <int Kind, typename T>
void activateRows(const ActivationRows<T>& a) {
  const bool dense = a.xPitch == a.channels && a.yPitch == a.channels;
  if (dense && !a.bias) {
    activateRun<Kind, T>(a.x, nullptr, a.y, a.rows * a.channels, a.slope);
    return;
  }
  int64_t rowsPerRun = 1;
  const float* bias = a.bias;
  float pattern[patternLength];
  if (dense && 2 * a.channels <= patternLength) {
    rowsPerRun = patternLength / a.channels;
    for (int64_t row = 0; row < rowsPerRun; ++row) {
      for (int64_t c = 0; c < a.channels; ++c) pattern[row * a.channels + c] = a.bias[c];
    }
    bias = pattern;
  }
  for (int64_t row = 0; row < a.rows; row += rowsPerRun) {
    const int64_t left = a.rows - row;
    const int64_t count = (left < rowsPerRun ? left : rowsPerRun) * a.channels;
    activateRun<Kind, T>(a.x + row * a.xPitch, bias, a.y + row * a.yPitch, count, a.slope);
  }
}

template <int Kind, typename T>
void gradientRun(const T* dy, const T* y, T* dx, float* sums, int64_t count, float slope) {
  const float inverseSlope = inverseSlopeOf(slope);
  if (sums) {
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) {
      const float value = widen(dy[i]) * derivativeFromSaved<Kind>(widen(y[i]), slope, inverseSlope);
      dx[i] = narrow<T>(value);
      sums[i] += value;
    }
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) {
      dx[i] = narrow<T>(widen(dy[i]) * derivativeFromSaved<Kind>(widen(y[i]), slope, inverseSlope));
    }
  }
}

template <int Kind, typename T>
void activationGradientRows(const ActivationGradientRows<T>& a) {
  const bool dense = a.dyPitch == a.channels && a.yPitch == a.channels && a.dxPitch == a.channels;
  if (dense && !a.biasGradient) {
    gradientRun<Kind, T>(a.dy, a.y, a.dx, nullptr, a.rows * a.channels, a.slope);
    return;
  }
  int64_t rowsPerRun = 1;
  float* sums = a.biasGradient;
  float pattern[patternLength];
  if (dense && 2 * a.channels <= patternLength) {
    rowsPerRun = patternLength / a.channels;
    sums = pattern;
  }
  if (sums) {
    for (int64_t i = 0; i < rowsPerRun * a.channels; ++i) sums[i] = 0.0f;
  }
  for (int64_t row = 0; row < a.rows; row += rowsPerRun) {
    const int64_t left = a.rows - row;
    const int64_t count = (left < rowsPerRun ? left : rowsPerRun) * a.channels;
    gradientRun<Kind, T>(a.dy + row * a.dyPitch, a.y + row * a.yPitch, a.dx + row * a.dxPitch, sums, count, a.slope);
  }
  if (sums != a.biasGradient) {
    for (int64_t c = 0; c < a.channels; ++c) {
      float sum = 0.0f;
      for (int64_t row = 0; row < rowsPerRun; ++row) sum += pattern[row * a.channels + c];
      a.biasGradient[c] = sum;
    }
  }
}

}  // namespace
}  // namespace saturnn::cpu
