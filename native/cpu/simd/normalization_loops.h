// Batch normalisation over rows of channels: sums per channel, and the element-by-element passes. The numbers of a
// vector of channels stay in registers over several rows: over all rows if a row is at most a block, else over a few,
// because going down one column of a wide tensor after the other would not read consecutive cache lines.
//
//
// Sums are in double, of differences to a pivot near the mean. So a channel whose mean is 100,000 times its deviation
// loses no accuracy, and one pass over x is enough for mean and variance.
#pragma once

#include "cpu/simd/table.h"
#include "cpu/simd/vector.h"
#include "shared/dtypes.h"

namespace saturnn::cpu {
namespace {

// A vector of floats as doubles. Two vectors, because GCC 12 keeps one that is wider than the processor's in memory.
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

// Rows per pass. Measured at 192 channels: sums get faster with every row that they stay in registers for, passes that
// write get faster without interruption.
constexpr int64_t summedRows = 16, writtenRows = 1;

// Calls pass(first row, rows) for groups of rows.
template <typename Pass>
inline __attribute__((always_inline)) void inPasses(int64_t rows, int64_t channels, int64_t most, const Pass& pass) {
  const int64_t step = channels <= blockChannels ? rows : most;
  for (int64_t row = 0; row < rows; row += step) pass(row, rows - row < step ? rows - row : step);
}

inline MomentRows part(MomentRows all, int64_t row, int64_t rows) {
  all.x += row * all.xPitch;
  if (all.dy) all.dy += row * all.dyPitch;
  all.rows = rows;
  return all;
}

inline NormalizeRows part(NormalizeRows all, int64_t row, int64_t rows) {
  all.x += row * all.xPitch;
  if (all.dy) all.dy += row * all.dyPitch;
  all.y += row * all.yPitch;
  all.rows = rows;
  return all;
}

template <typename D>
inline void addTo(double* sums, D part) {
  D sum;
  memcpy(&sum, sums, sizeof sum);
  sum = sum + part;
  memcpy(sums, &sum, sizeof sum);
}

inline void clearSums(const MomentRows& rows, int64_t kinds) {
  for (int64_t kind = 0; kind < kinds; ++kind) {
    memset(rows.sums + kind * rows.sumPitch, 0, rows.channels * sizeof(double));
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
    addTo(rows.sums + c, sum);
    addTo(rows.sums + rows.sumPitch + c, squares);
  }
};

void moments(const MomentRows& all) {
  clearSums(all, 2);
  inPasses(all.rows, all.channels, summedRows,
           [&](int64_t row, int64_t rows) { forChannels(all.channels, MomentsBody{part(all, row, rows)}); });
}

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
    addTo(rows.sums + c, sum);
    addTo(rows.sums + rows.sumPitch + c, gradient);
    addTo(rows.sums + 2 * rows.sumPitch + c, product);
  }
};

void gradientMoments(const MomentRows& all) {
  clearSums(all, 3);
  inPasses(all.rows, all.channels, summedRows,
           [&](int64_t row, int64_t rows) { forChannels(all.channels, GradientMomentsBody{part(all, row, rows)}); });
}

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

void normalize(const NormalizeRows& all) {
  inPasses(all.rows, all.channels, writtenRows,
           [&](int64_t row, int64_t rows) { forChannels(all.channels, NormalizeBody{part(all, row, rows)}); });
}

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

void normalizeGradient(const NormalizeRows& all) {
  inPasses(all.rows, all.channels, writtenRows,
           [&](int64_t row, int64_t rows) { forChannels(all.channels, NormalizeGradientBody{part(all, row, rows)}); });
}

}  // namespace
}  // namespace saturnn::cpu
