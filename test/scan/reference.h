// The three passes of a convolution in plain loops over double, with the error that each element is allowed.
#pragma once

#include <cmath>
#include <vector>

#include "shapes.h"

namespace scan {

// A sum of products t: its value, the sum of |t|, and the sum of t squared.
struct Sum {
  double value = 0, absolute = 0, squares = 0;

  void add(double t) {
    value += t;
    absolute += std::fabs(t);
    squares += t * t;
  }
};

struct Reference {
  std::vector<Sum> y, dx, dw, dbias;
};

// All arrays are plain (NHWC; weights OHWI). An empty `bias` is none.
inline Reference computeReference(const Shape& s, const std::vector<float>& x, const std::vector<float>& weights,
                                  const std::vector<float>& bias, const std::vector<float>& dy) {
  Reference r;
  r.y.resize(s.n * s.oh() * s.ow() * s.o);
  r.dx.resize(s.n * s.h * s.w * s.i);
  r.dw.resize(s.o * s.kh * s.kw * s.inputs());
  r.dbias.resize(s.o);
  int64_t out = 0;
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t oh = 0; oh < s.oh(); ++oh) {
      for (int64_t ow = 0; ow < s.ow(); ++ow) {
        for (int64_t o = 0; o < s.o; ++o, ++out) {
          Sum& y = r.y[out];
          if (!bias.empty()) y.add(bias[o]);
          r.dbias[o].add(dy[out]);
          for (int64_t kh = 0; kh < s.kh; ++kh) {
            const int64_t h = oh * s.strideH - s.padTop + kh * s.dilationH;
            if (h < 0 || h >= s.h) continue;
            for (int64_t kw = 0; kw < s.kw; ++kw) {
              const int64_t w = ow * s.strideW - s.padLeft + kw * s.dilationW;
              if (w < 0 || w >= s.w) continue;
              const int64_t group = o / (s.o / s.groups);
              const int64_t pixel = ((n * s.h + h) * s.w + w) * s.i + group * s.inputs();
              const int64_t tap = ((o * s.kh + kh) * s.kw + kw) * s.inputs();
              for (int64_t i = 0; i < s.inputs(); ++i) {
                y.add(double{x[pixel + i]} * weights[tap + i]);
                r.dx[pixel + i].add(double{dy[out]} * weights[tap + i]);
                r.dw[tap + i].add(double{x[pixel + i]} * dy[out]);
              }
            }
          }
        }
      }
    }
  }
  return r;
}

// The bounds of test/tolerance.ts: those of f32, and for results that are stored as bf16 also their rounding.
inline double allowedError(const Sum& want, bool roundedToBf16) {
  return (roundedToBf16 ? 5e-3 : 1e-6) * std::fabs(want.value) + 5e-7 * want.absolute + 1e-6 * std::sqrt(want.squares);
}

}  // namespace scan
