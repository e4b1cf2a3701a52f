// The activations as template arguments of kernels.
#pragma once

#include <utility>

#include "shared/activations.h"

namespace saturnn::cuda {

// In place of an activation's id as a template argument: the id comes with the launch. For the variants without vectors,
// of which there is then one, not one per activation.
constexpr int kAnyActivation = -2;

template <int Kind>
using ActivationKind = std::integral_constant<int, Kind>;

using AllActivations = std::make_integer_sequence<int, SN_ACTIVATION_COUNT>;

template <class Function, int... Kinds>
void withActivation(int kind, Function&& function, std::integer_sequence<int, Kinds...>) {
  const bool found = ((kind == Kinds && (function(ActivationKind<Kinds>{}), true)) || ...);
  if (!found) function(ActivationKind<SN_NO_ACTIVATION>{});
}

// function(ActivationKind<kind>{}), SN_NO_ACTIVATION included.
template <class Function>
void withActivation(int kind, Function&& function) {
  withActivation(kind, std::forward<Function>(function), AllActivations{});
}

template <int... Kinds>
__device__ __forceinline__ float activateAny(int kind, float x, float slope, std::integer_sequence<int, Kinds...>) {
  float y = x;
  ((kind == Kinds ? static_cast<void>(y = activate<Kinds>(x, slope)) : static_cast<void>(0)), ...);
  return y;
}

// activate<Kind>, or for kAnyActivation that of `kind`; without activation x.
template <int Kind>
__device__ __forceinline__ float activateAs(int kind, float x, float slope) {
  if constexpr (Kind == SN_NO_ACTIVATION) {
    return x;
  } else if constexpr (Kind == kAnyActivation) {
    return activateAny(kind, x, slope, AllActivations{});
  } else {
    return activate<Kind>(x, slope);
  }
}

template <int... Kinds>
__device__ __forceinline__ float derivativeOfAny(int kind, float y, float slope, float inverseSlope,
                                                 std::integer_sequence<int, Kinds...>) {
  float derivative = 1.0f;
  ((kind == Kinds ? static_cast<void>(derivative = derivativeFromSaved<Kinds>(y, slope, inverseSlope))
                  : static_cast<void>(0)),
   ...);
  return derivative;
}

// derivativeFromSaved<Kind>, or for kAnyActivation that of `kind`; without activation 1.
template <int Kind>
__device__ __forceinline__ float derivativeAs(int kind, float y, float slope, float inverseSlope) {
  if constexpr (Kind == SN_NO_ACTIVATION) {
    return 1.0f;
  } else if constexpr (Kind == kAnyActivation) {
    return derivativeOfAny(kind, y, slope, inverseSlope, AllActivations{});
  } else {
    return derivativeFromSaved<Kind>(y, slope, inverseSlope);
  }
}

}  // namespace saturnn::cuda
