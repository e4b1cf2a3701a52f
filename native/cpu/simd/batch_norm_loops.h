// Batch normalisation over rows of channels: sums per channel, and what is made from them element by element. A vector
// of channels stays in registers while its rows pass by.
//
// Sums are made in double, of differences to a pivot near the mean: so a channel whose mean is 100,000 times its
// deviation loses nothing, and one pass over x is enough for mean and variance.
#pragma once

#include "table.h"
#include "vector.h"

namespace saturnn {
namespace {

// A vector of floats as doubles. Two vectors of the processor's width: GCC 12 keeps one wider vector in memory.
struct DoublePair {
  DoubleVector low, high;
};

inline DoublePair operator+(DoublePair a, DoublePair b) { return {a.low + b.low, a.high + b.high}; }
inline DoublePair operator-(DoublePair a, DoublePair b) { return {a.low - b.low, a.high - b.high}; }
inline DoublePair operator*(DoublePair a, DoublePair b) { return {a.low * b.low, a.high * b.high}; }

template <typename V>
struct DoublesOf;
template <>
struct DoublesOf<FloatVector> {
  typedef DoublePair Type;
};
template <>
struct DoublesOf<float> {
  typedef double Type;
};
template <typename V>
using Doubles = typename DoublesOf<V>::Type;

template <typename V>
inline Doubles<V> loadDoubles(const float* p) {
  if constexpr (sizeof(V) == sizeof(float)) {
    return *p;
  } else {
    return {__builtin_convertvector(load<HalfFloatVector>(p), DoubleVector),
            __builtin_convertvector(load<HalfFloatVector>(p + lanes / 2), DoubleVector)};
  }
}

struct MomentsBody {
  const MomentRows rows;

  template <typename V>
  inline __attribute__((always_inline)) void run(int64_t c) const {
    typedef Doubles<V> D;
    const D pivot = loadDoubles<V>(rows.pivot + c);
    D sum = {}, squares = {};
    for (int64_t row = 0; row < rows.rows; ++row) {
      const D x = loadDoubles<V>(rows.x + row * rows.xPitch + c) - pivot;
      sum = sum + x;
      squares = squares + x * x;
    }
    memcpy(rows.sums + c, &sum, sizeof sum);
    memcpy(rows.sums + rows.sumPitch + c, &squares, sizeof squares);
  }
};

void moments(const MomentRows& rows) { forChannels(rows.channels, MomentsBody{rows}); }

struct GradientMomentsBody {
  const MomentRows rows;

  template <typename V>
  inline __attribute__((always_inline)) void run(int64_t c) const {
    typedef Doubles<V> D;
    const D pivot = loadDoubles<V>(rows.pivot + c);
    D sum = {}, gradient = {}, product = {};
    for (int64_t row = 0; row < rows.rows; ++row) {
      const D x = loadDoubles<V>(rows.x + row * rows.xPitch + c) - pivot;
      const D dy = loadDoubles<V>(rows.dy + row * rows.dyPitch + c);
      sum = sum + x;
      gradient = gradient + dy;
      product = product + dy * x;
    }
    memcpy(rows.sums + c, &sum, sizeof sum);
    memcpy(rows.sums + rows.sumPitch + c, &gradient, sizeof gradient);
    memcpy(rows.sums + 2 * rows.sumPitch + c, &product, sizeof product);
  }
};

void gradientMoments(const MomentRows& rows) { forChannels(rows.channels, GradientMomentsBody{rows}); }

struct NormalizeBody {
  const NormalizeRows rows;

  template <typename V>
  inline __attribute__((always_inline)) void run(int64_t c) const {
    const V mean = load<V>(rows.mean + c), rest = load<V>(rows.meanRest + c);
    const V factor = load<V>(rows.factor + c), shift = load<V>(rows.shift + c);
    for (int64_t row = 0; row < rows.rows; ++row) {
      const V x = load<V>(rows.x + row * rows.xPitch + c);
      store(rows.y + row * rows.yPitch + c, ((x - mean) - rest) * factor + shift);
    }
  }
};

void normalize(const NormalizeRows& rows) { forChannels(rows.channels, NormalizeBody{rows}); }

struct NormalizeGradientBody {
  const NormalizeRows rows;

  template <typename V>
  inline __attribute__((always_inline)) void run(int64_t c) const {
    const V mean = load<V>(rows.mean + c), rest = load<V>(rows.meanRest + c);
    const V factor = load<V>(rows.factor + c), shift = load<V>(rows.shift + c);
    const V gradientFactor = load<V>(rows.dyFactor + c);
    for (int64_t row = 0; row < rows.rows; ++row) {
      const V x = load<V>(rows.x + row * rows.xPitch + c), dy = load<V>(rows.dy + row * rows.dyPitch + c);
      store(rows.y + row * rows.yPitch + c, dy * gradientFactor + (((x - mean) - rest) * factor + shift));
    }
  }
};

void normalizeGradient(const NormalizeRows& rows) { forChannels(rows.channels, NormalizeGradientBody{rows}); }

}  // namespace
}  // namespace saturnn
