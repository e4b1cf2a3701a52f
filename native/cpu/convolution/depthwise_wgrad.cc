// oneDNN's own kernels of depthwise weight gradients want images that are at least as large as the windows, and no
// dilation. For others it has a matrix product per image and channel, which took 35 ms for 64 images of 1x1 pixels and
// 960 channels, 3x3, on two cores with AVX2; this kernel takes 0.2 ms. Networks for images of 32x32 have many of these.
#include "cpu/convolution/depthwise_wgrad.h"

#include <algorithm>

#include "cpu/geometry.h"
#include "ops/convolution.h"

namespace saturnn::cpu {

namespace {

constexpr int64_t mostTaps = 49;
constexpr int64_t lanes = 16;  // channels that are computed together; in a blocked image, those of a block

// An image as blocks of up to 16 channels: the first element of a block, and the elements from pixel to pixel.
struct Blocks {
  explicit Blocks(const SnTensor& image) : rows(pixelRows(image)), isBlocked(image.layout == SN_NCHW16C) {}

  int64_t start(int64_t n, int64_t block) const {
    return isBlocked ? rows.start(n * rows.blocksPerImage + block) : rows.start(n) + block * lanes;
  }

  Rows rows;
  bool isBlocked;
};

class DepthwiseWgrad final : public Kernel {
 public:
  explicit DepthwiseWgrad(const SnOpDesc& op)
      : attributes_(attributesOf<ConvolutionAttributes>(op)),
        x_(op.inputs[0]),
        dy_(op.inputs[1]),
        batch_(op.inputs[0].shape[0]),
        height_(op.inputs[0].shape[1]),
        width_(op.inputs[0].shape[2]),
        channels_(op.inputs[0].shape[3]),
        outHeight_(op.inputs[1].shape[1]),
        outWidth_(op.inputs[1].shape[2]),
        kernelHeight_(op.outputs[0].shape[1]),
        kernelWidth_(op.outputs[0].shape[2]) {
    setImplementation("saturnn:depthwise");
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto* x = static_cast<const float*>(inputs[0]);
    const auto* dy = static_cast<const float*>(inputs[1]);
    auto* dw = static_cast<float*>(outputs[0]);
    auto* dbias = static_cast<float*>(outputs[1]);
    const int64_t blocks = (channels_ + lanes - 1) / lanes, taps = kernelHeight_ * kernelWidth_;
    // A thread sums whole channels, so the order of the sums does not depend on the number of threads.
#pragma omp parallel for schedule(static) if (blocks > 1)
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t count = std::min(lanes, channels_ - block * lanes);
      float sums[mostTaps + 1][lanes] = {};  // of dy in the last row
      for (int64_t n = 0; n < batch_; ++n) {
        // The sum over an image is made by itself, because one long sum would be less exact.
        float ofImage[mostTaps + 1][lanes];
        std::fill_n(ofImage[0], (taps + 1) * lanes, 0.0f);
        addImage(x + x_.start(n, block), dy + dy_.start(n, block), count, ofImage);
        for (int64_t tap = 0; tap <= taps; ++tap) {
          for (int64_t c = 0; c < count; ++c) sums[tap][c] += ofImage[tap][c];
        }
      }
      for (int64_t c = 0; c < count; ++c) {
        const int64_t channel = block * lanes + c;
        for (int64_t tap = 0; tap < taps; ++tap) dw[channel * taps + tap] = sums[tap][c];
        if (dbias) dbias[channel] = sums[taps][c];
      }
    }
  }

 private:
  // Adds x dy of every window of an image to the row of each tap, and dy to the row behind them.
  void addImage(const float* x, const float* dy, int64_t count, float (*sums)[lanes]) const {
    const int64_t taps = kernelHeight_ * kernelWidth_;
    for (int64_t oh = 0; oh < outHeight_; ++oh) {
      for (int64_t ow = 0; ow < outWidth_; ++ow) {
        const float* ofWindow = dy + (oh * outWidth_ + ow) * dy_.rows.pitch;
        add(ofWindow, nullptr, count, sums[taps]);
        for (int64_t kh = 0; kh < kernelHeight_; ++kh) {
          const int64_t h = oh * attributes_.strideH - attributes_.padTop + kh * attributes_.dilationH;
          if (h < 0 || h >= height_) continue;
          for (int64_t kw = 0; kw < kernelWidth_; ++kw) {
            const int64_t w = ow * attributes_.strideW - attributes_.padLeft + kw * attributes_.dilationW;
            if (w < 0 || w >= width_) continue;
            add(ofWindow, x + (h * width_ + w) * x_.rows.pitch, count, sums[kh * kernelWidth_ + kw]);
          }
        }
      }
    }
  }

  // Adds dy x, or dy where x is null.
  static void add(const float* dy, const float* x, int64_t count, float* sum) {
    if (!x) {
      for (int64_t c = 0; c < count; ++c) sum[c] += dy[c];
    } else if (count == lanes) {
      for (int64_t c = 0; c < lanes; ++c) sum[c] += dy[c] * x[c];
    } else {
      for (int64_t c = 0; c < count; ++c) sum[c] += dy[c] * x[c];
    }
  }

  const ConvolutionAttributes attributes_;
  const Blocks x_, dy_;
  const int64_t batch_, height_, width_, channels_, outHeight_, outWidth_, kernelHeight_, kernelWidth_;
};

}  // namespace

bool suitsDepthwiseWgrad(const SnOpDesc& op) {
  const SnTensor &x = op.inputs[0], &dw = op.outputs[0];
  const auto attributes = attributesOf<ConvolutionAttributes>(op);
  return x.dtype == SN_F32 && attributes.groups == x.shape[3] && dw.shape[0] == x.shape[3] &&
         dw.shape[1] * dw.shape[2] <= mostTaps;
}

std::unique_ptr<Kernel> createDepthwiseWgrad(const SnOpDesc& op) { return std::make_unique<DepthwiseWgrad>(op); }

}  // namespace saturnn::cpu
