// The shapes of a scan, drawn from a seed: case `index` of seed S is always the same.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace scan {

// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // An integer of low ... high, both included.
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(next() % static_cast<uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return between(1, 100) <= percent; }

 private:
  uint64_t state_;
};

// A convolution: x [n,h,w,i], weights [o,kh,kw,i/groups], y [n,oh,ow,o]. A fully connected layer is one of 1x1 images.
struct Shape {
  int64_t n, h, w, i, o, kh, kw, strideH, strideW, padTop, padLeft;
  bool bias, blockedX, blockedY;  // blocked: as a plan keeps images on a processor with AVX-512
  bool dense;                     // the ops of a fully connected layer
  int64_t padBottom, padRight, dilationH = 1, dilationW = 1, groups = 1;

  int64_t inputs() const { return i / groups; }
  int64_t extentH() const { return (kh - 1) * dilationH + 1; }
  int64_t extentW() const { return (kw - 1) * dilationW + 1; }
  int64_t oh() const { return (h + padTop + padBottom - extentH()) / strideH + 1; }
  int64_t ow() const { return (w + padLeft + padRight - extentW()) / strideW + 1; }
  int64_t products() const { return n * oh() * ow() * o * inputs() * kh * kw; }

  std::string text() const {
    char buffer[300];
    std::snprintf(buffer, sizeof buffer,
                  "x [%ld,%ld,%ld,%ld]%s -> %ld channels%s, kernel %ldx%ld, stride %ldx%ld, pad %ld,%ld,%ld,%ld, "
                  "dilation %ldx%ld, %ld groups%s%s",
                  n, h, w, i, blockedX ? " blocked" : "", o, blockedY ? " blocked" : "", kh, kw, strideH, strideW,
                  padTop, padBottom, padLeft, padRight, dilationH, dilationW, groups, bias ? ", bias" : "",
                  dense ? ", linear" : "");
    return buffer;
  }
};

// A known shape: symmetric padding, no dilation, no groups.
inline Shape plainShape(int64_t n, int64_t h, int64_t w, int64_t i, int64_t o, int64_t kernel, int64_t strideH,
                        int64_t strideW, int64_t padH, int64_t padW, bool bias) {
  return {n, h, w, i, o, kernel, kernel, strideH, strideW, padH, padW, bias, false, false, false, padH, padW};
}

// A size of 1 to `most`; small sizes and multiples of 8 and 16 are frequent, because kernels treat them differently.
inline int64_t drawSize(Random& random, int64_t most) {
  if (random.chance(40)) return random.between(1, std::min<int64_t>(5, most));
  if (random.chance(25) && most >= 16) return random.between(1, most / 16) * 16;
  return random.between(1, most);
}

// Shapes that oneDNN 2.6 computes wrongly: see native/cpu/convolution/onednn_faults.h.
inline const std::vector<Shape>& knownShapes() {
  static const std::vector<Shape> shapes = {
      plainShape(1, 14, 14, 8, 3, 1, 2, 2, 0, 0, true),
      plainShape(3, 14, 14, 15, 5, 1, 2, 2, 0, 0, false),
      plainShape(1, 28, 28, 9, 3, 1, 2, 2, 0, 0, false),
      plainShape(32, 28, 28, 1, 16, 1, 2, 2, 0, 0, true),
      plainShape(32, 16, 16, 6, 16, 1, 2, 1, 0, 0, false),
      // bf16 only: images narrower than the stride
      plainShape(2, 1, 1, 16, 16, 3, 2, 2, 1, 1, true),
      plainShape(2, 1, 1, 8, 8, 5, 2, 2, 2, 2, false),
      plainShape(9, 2, 2, 32, 16, 3, 3, 3, 1, 1, true),
      plainShape(2, 5, 2, 16, 16, 1, 3, 3, 0, 1, false),
      // bf16 only: odd output channels
      plainShape(2, 5, 6, 1, 33, 1, 1, 1, 0, 0, false),
  };
  return shapes;
}

// Draws groups of channels (often one per channel of x: depthwise), dilations and different paddings, some of them.
inline void drawVariation(Random& random, Shape& s) {
  if (random.chance(60)) {
    const bool depthwise = random.chance(60);
    const int64_t multiplier = random.chance(70) ? 1 : random.between(2, 4);
    s.groups = depthwise ? s.i : random.between(2, 8);
    if (!depthwise) s.i = s.groups * drawSize(random, 20);
    s.o = depthwise ? s.i * multiplier : s.groups * drawSize(random, 20);
  }
  if (random.chance(40)) {
    s.dilationH = random.between(1, 3);
    s.dilationW = random.chance(60) ? s.dilationH : random.between(1, 3);
  }
  if (random.chance(40)) {
    s.padBottom = random.between(0, s.kh);
    s.padRight = random.between(0, s.kw);
  }
}

// The known shapes are the first cases of every seed.
inline Shape drawShape(uint64_t seed, uint64_t index) {
  if (index < knownShapes().size()) return knownShapes()[index];
  Random random(seed * 0x100000001b3u + index);
  Shape s{};
  s.dense = random.chance(5);
  s.n = random.chance(60) ? random.between(1, 6) : random.between(1, 33);
  s.i = drawSize(random, 80);
  s.o = drawSize(random, 80);
  s.bias = random.chance(50);
  if (s.dense) {
    s.h = s.w = s.kh = s.kw = s.strideH = s.strideW = 1;
    s.i *= random.between(1, 8);
    return s;
  }
  s.h = drawSize(random, 40);
  s.w = random.chance(50) ? s.h : drawSize(random, 40);
  const bool square = random.chance(70);
  const bool point = random.chance(35);  // 1x1
  const int64_t mostKernel = random.chance(70) ? 3 : 7;
  s.kh = point ? 1 : random.between(1, mostKernel);
  s.kw = point ? 1 : square ? s.kh : random.between(1, mostKernel);
  s.strideH = random.chance(45) ? 1 : random.between(2, 4);
  s.strideW = square ? s.strideH : random.between(1, 4);
  s.padTop = random.chance(40) ? 0 : random.between(0, s.kh);
  s.padLeft = square && s.kh == s.kw ? s.padTop : random.between(0, s.kw);
  if (random.chance(25)) {  // what unit-stride copies of oneDNN's need: the stride divides the image
    s.h = s.strideH * std::max<int64_t>(1, s.h / s.strideH);
    s.w = s.strideW * std::max<int64_t>(1, s.w / s.strideW);
    if (point) s.padTop = s.padLeft = 0;
  }
  s.padBottom = s.padTop;
  s.padRight = s.padLeft;
  if (random.chance(40)) drawVariation(random, s);
  s.h = std::max(s.h, s.extentH() - s.padTop - s.padBottom);
  s.w = std::max(s.w, s.extentW() - s.padLeft - s.padRight);
  const int64_t budget = random.chance(10) ? 2'000'000 : 200'000;
  while (s.products() > budget) {
    int64_t& largest = *std::max({&s.n, &s.i, &s.o}, [](const int64_t* a, const int64_t* b) { return *a < *b; });
    if (s.groups > 1 && s.n > 1) {  // channels are multiples of the groups
      s.n = (s.n + 1) / 2;
    } else if (s.groups == 1 && largest > 1) {
      largest = (largest + 1) / 2;
    } else {
      const int64_t leastH = s.extentH(), leastW = s.extentW();
      if (s.h <= leastH && s.w <= leastW) break;
      s.h = std::min(s.h, std::max((s.h + 1) / 2, leastH));
      s.w = std::min(s.w, std::max((s.w + 1) / 2, leastW));
    }
  }
  s.blockedX = s.i % 16 == 0 && random.chance(70);
  s.blockedY = s.o % 16 == 0 && random.chance(70);
  return s;
}

}  // namespace scan
