// The weight updates, element by element over flat arenas: SGD, Adam, the moving average.
#pragma once

#include "cpu/simd/table.h"
#include "shared/updates.h"

namespace saturnn::cpu {
namespace {

// Without decay the term 0 * w is left out: it would turn an infinite weight into NaN.
template <bool Decays, bool Nesterov>
void sgdRun(const SgdRun& run) {
  float* w = run.parameters;
  float* m = run.momentum;
  const float* g = run.gradient;
  const float scale = run.gradientScale, factor = run.momentumFactor, rate = run.learningRate;
  [[maybe_unused]] const float decay = run.weightDecay;
#pragma GCC ivdep
  for (int64_t i = 0; i < run.count; ++i) {
    float direction = scale * g[i];
    if constexpr (Decays) direction += decay * w[i];
    sgdElement(direction, factor, rate, Nesterov, w[i], m[i]);
  }
}

void sgd(const SgdRun& run) {
  const bool decays = run.weightDecay != 0.0f;
  if (run.nesterov) return decays ? sgdRun<true, true>(run) : sgdRun<false, true>(run);
  return decays ? sgdRun<true, false>(run) : sgdRun<false, false>(run);
}

template <bool DecaysGradient, bool ShrinksWeight>
void adamRun(const AdamRun& run) {
  float* w = run.parameters;
  float* m = run.firstMoment;
  float* v = run.secondMoment;
  const float* g = run.gradient;
  const float scale = run.gradientScale, step = run.stepSize;
  const AdamFactors by{run.firstRate, run.secondRate, run.epsilon, run.inverseCorrection};
  [[maybe_unused]] const float decay = run.gradientDecay, shrink = run.weightShrink;
#pragma GCC ivdep
  for (int64_t i = 0; i < run.count; ++i) {
    float direction = scale * g[i];
    if constexpr (DecaysGradient) direction += decay * w[i];
    float change = adamChange(direction, by, step, m[i], v[i]);
    if constexpr (ShrinksWeight) change += shrink * w[i];
    w[i] -= change;
  }
}

void adam(const AdamRun& run) {
  if (run.gradientDecay != 0.0f) return adamRun<true, false>(run);
  return run.weightShrink != 0.0f ? adamRun<false, true>(run) : adamRun<false, false>(run);
}

void approach(const float* x, float* y, float rate, int64_t count) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) y[i] += rate * (x[i] - y[i]);
}

}  // namespace
}  // namespace saturnn::cpu
