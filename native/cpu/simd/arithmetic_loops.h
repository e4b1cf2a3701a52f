// The other element-by-element loops: conversion, add, norm, softmax, blend.
#pragma once

#include "cpu/simd/table.h"
#include "cpu/simd/vector.h"
#include "shared/arithmetic.h"

namespace saturnn::cpu {
namespace {

template <typename T>
void toFloats(const T* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = widen(x[i]);
}

template <typename T>
void fromFloats(const float* x, T* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = narrow<T>(x[i]);
}

template <int Count, typename T>
void addRun(const T* const* inputs, T* y, int64_t count) {
  const T* x[Count];
  for (int k = 0; k < Count; ++k) x[k] = inputs[k];
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    float sum = widen(x[0][i]);
    for (int k = 1; k < Count; ++k) sum += widen(x[k][i]);
    y[i] = narrow<T>(sum);
  }
}

template <typename T>
void add(const T* const* inputs, int32_t inputCount, T* y, int64_t count) {
  switch (inputCount) {
    case 2: return addRun<2>(inputs, y, count);
    case 3: return addRun<3>(inputs, y, count);
    case 4: return addRun<4>(inputs, y, count);
    case 5: return addRun<5>(inputs, y, count);
    case 6: return addRun<6>(inputs, y, count);
    case 7: return addRun<7>(inputs, y, count);
    default: return addRun<8>(inputs, y, count);
  }
}

double sumOfSquares(const float* x, int64_t count) {
  constexpr int width = lanes / 2, chains = 4;  // four sums hide the latency of an addition
  DoubleVector sums[chains] = {};
  int64_t i = 0;
  for (; i + chains * width <= count; i += chains * width) {
    for (int k = 0; k < chains; ++k) {
      const DoubleVector v = __builtin_convertvector(load<HalfFloatVector>(x + i + k * width), DoubleVector);
      sums[k] += v * v;
    }
  }
  const DoubleVector vector = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  double sum = 0.0;
  for (int lane = 0; lane < width; ++lane) sum += vector[lane];
  for (; i < count; ++i) sum += static_cast<double>(x[i]) * x[i];
  return sum;
}

CentredSums centredSums(const float* x, int64_t count, double centre) {
  constexpr int width = lanes / 2, chains = 4;
  DoubleVector sums[chains] = {}, squares[chains] = {};
  int64_t i = 0;
  for (; i + chains * width <= count; i += chains * width) {
    for (int k = 0; k < chains; ++k) {
      const DoubleVector v = __builtin_convertvector(load<HalfFloatVector>(x + i + k * width), DoubleVector) - centre;
      sums[k] += v;
      squares[k] += v * v;
    }
  }
  const DoubleVector sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  const DoubleVector square = (squares[0] + squares[1]) + (squares[2] + squares[3]);
  CentredSums total{};
  for (int lane = 0; lane < width; ++lane) {
    total.sum += sum[lane];
    total.squares += square[lane];
  }
  for (; i < count; ++i) {
    const double v = static_cast<double>(x[i]) - centre;
    total.sum += v;
    total.squares += v * v;
  }
  return total;
}

float exponentials(const float* x, float* p, int64_t count, float* maximum) {
  // A comparison with NaN is false, so NaN does not become the maximum; e^(x - max) keeps it.
  float best = x[0];
  for (int64_t i = 1; i < count; ++i) best = x[i] > best || best != best ? x[i] : best;
  for (int64_t i = 0; i < count; ++i) p[i] = exponential(x[i] - best);
  FloatVector sums = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) sums += load<FloatVector>(p + i);
  float sum = 0.0f;
  for (int lane = 0; lane < lanes; ++lane) sum += sums[lane];
  for (; i < count; ++i) sum += p[i];
  *maximum = best;
  return sum;
}

void scale(float* x, float factor, int64_t count) {
  for (int64_t i = 0; i < count; ++i) x[i] *= factor;
}

void blend(const float* a, float keep, const float* b, float take, float* y, int64_t count) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) y[i] = keep * a[i] + take * b[i];
}

}  // namespace
}  // namespace saturnn::cpu
