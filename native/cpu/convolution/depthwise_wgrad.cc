#include "cpu/convolution/depthwise_wgrad.h"

#include <algorithm>

#include "cpu/convolution/tap_windows.h"
#include "cpu/geometry.h"
#include "cpu/storage.h"

namespace saturnn::cpu {

namespace {

// dw[c][kh][kw] = the sum over images and windows of x dy, per channel. Each thread has channels of its own and adds in
// the order of images, rows and columns, so the number of threads changes no bit.
template <typename T>
class DepthwiseWgrad final : public Kernel {
 public:
  DepthwiseWgrad(const SnOpDesc& op, Device& device)
      : simd_(*device.simd),
        attributes_(attributesOf<ConvolutionAttributes>(op)),
        x_(pixelRows(op.inputs[0])),
        dy_(pixelRows(op.inputs[1])),
        images_(op.inputs[0].shape[0]),
        width_(op.inputs[0].shape[2]),
        outputWidth_(op.inputs[1].shape[2]),
        channels_(op.inputs[0].shape[3]),
        windows_(attributes_, op.inputs[0], op.outputs[0], op.inputs[1]) {
    const bool isBlocked = x_.blocksPerImage > 1 || dy_.blocksPerImage > 1;
    const bool isWide = channels_ >= mostChannels * device.threads;
    channelsPerPart_ = isWide && !isBlocked ? mostChannels : blockChannels;
    sums_ = reserveScratch(static_cast<size_t>(windows_.taps() * channels_) * sizeof(float));
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const auto* x = static_cast<const T*>(inputs[0]);
    const auto* dy = static_cast<const T*>(inputs[1]);
    auto* dw = static_cast<float*>(outputs[0]);
    auto* dbias = static_cast<float*>(outputs[1]);
    auto* sums = reinterpret_cast<float*>(static_cast<char*>(scratch) + sums_);
    const int64_t parts = (channels_ + channelsPerPart_ - 1) / channelsPerPart_;
#pragma omp parallel for schedule(static) if (parts > 1)
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t first = part * channelsPerPart_, end = std::min(channels_, first + channelsPerPart_);
      sumTaps(x, dy, first, end - first, sums);
      for (int64_t c = first; c < end; ++c) {
        for (int64_t tap = 0; tap < windows_.taps(); ++tap) dw[c * windows_.taps() + tap] = sums[tap * channels_ + c];
      }
      if (dbias) sumBias(dy, first, end - first, dbias + first);
    }
  }

 private:
  // Channels of a thread at a time: their sums stay in the first cache.
  static constexpr int64_t mostChannels = 64;

  // Where channel `channel` of an image begins, which in blocked images is the first of a block.
  static int64_t startOf(const Rows& rows, int64_t image, int64_t channel) {
    if (rows.channels > channel) return rows.start(image * rows.blocksPerImage) + channel;
    return rows.start(image * rows.blocksPerImage + channel / rows.channels);
  }

  void sumTaps(const T* x, const T* dy, int64_t channel, int64_t channels, float* sums) const {
    const ConvolutionAttributes& a = attributes_;
    for (int64_t tap = 0; tap < windows_.taps(); ++tap) std::fill_n(sums + tap * channels_ + channel, channels, 0.0f);
    for (int64_t image = 0; image < images_; ++image) {
      const T* images = x + startOf(x_, image, channel);
      const T* gradients = dy + startOf(dy_, image, channel);
      for (size_t i = 0; i < windows_.rows.size(); ++i) {
        for (int64_t oh = windows_.rows[i].begin; oh < windows_.rows[i].end; ++oh) {
          const int64_t row = (oh * a.strideH - a.padTop + static_cast<int64_t>(i) * a.dilationH) * width_;
          for (size_t j = 0; j < windows_.columns.size(); ++j) {
            const Span windows = windows_.columns[j];
            if (windows.begin >= windows.end) continue;
            const int64_t column =
                int64_t{windows.begin} * a.strideW - a.padLeft + static_cast<int64_t>(j) * a.dilationW;
            float* sum = sums + (i * windows_.columns.size() + j) * channels_ + channel;
            const T* gradient = gradients + (oh * outputWidth_ + windows.begin) * dy_.pitch;
            imageLoops<T>(simd_).productSums({gradient, dy_.pitch, images + (row + column) * x_.pitch,
                                              x_.pitch * a.strideW, windows.end - windows.begin, channels, sum, true});
          }
        }
      }
    }
  }

  void sumBias(const T* dy, int64_t channel, int64_t channels, float* dbias) const {
    for (int64_t image = 0; image < images_; ++image) {
      imageLoops<T>(simd_).productSums(
          {dy + startOf(dy_, image, channel), dy_.pitch, nullptr, 0, dy_.rows, channels, dbias, image > 0});
    }
  }

  const SimdTable& simd_;
  const ConvolutionAttributes attributes_;
  const Rows x_, dy_;
  const int64_t images_, width_, outputWidth_, channels_;
  const TapWindows windows_;
  int64_t channelsPerPart_;
  size_t sums_;  // [taps, channels] in the scratch
};

}  // namespace

bool isDepthwise(const SnOpDesc& op) {
  const int64_t groups = attributesOf<ConvolutionAttributes>(op).groups;
  return groups > 1 && op.inputs[0].shape[3] == groups && op.outputs[0].shape[0] == groups;
}

std::unique_ptr<Kernel> createDepthwiseWgrad(const SnOpDesc& op, Device& device) {
  return createFor<DepthwiseWgrad>(op.inputs[0], op, device);
}

}  // namespace saturnn::cpu
