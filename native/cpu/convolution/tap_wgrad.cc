#include "cpu/convolution/tap_wgrad.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "cpu/convolution/tap_windows.h"
#include "cpu/geometry.h"
#include "cpu/onednn/onednn.h"
#include "cpu/simd/table.h"

namespace saturnn::cpu {

namespace {

using dnnl::memory;

// Windows of an image up to which oneDNN has only a product per image: it then reads and writes all weights once per image.
constexpr int64_t mostWindows = 16;

// dst [O, I], whose rows are taps * I apart, = dy^T x, with dy [rows, O] and x [rows, I].
struct Product {
  Product(int64_t rows, int64_t outputs, int64_t inputs, int64_t taps, const dnnl::engine& engine) {
    const auto f32 = memory::data_type::f32;
    const memory::desc dy({outputs, rows}, f32, memory::dims{1, outputs}),
        x({rows, inputs}, f32, memory::dims{inputs, 1});
    const memory::desc dw({outputs, inputs}, f32, memory::dims{taps * inputs, 1});
    const dnnl::matmul::primitive_desc desc(dnnl::matmul::desc(dy, x, dw), userScratchpad(), engine, true);
    if (!desc) return;
    implementation = desc.impl_info_str();
    scratchBytes = desc.scratchpad_desc().get_size();
    primitive = dnnl::matmul(desc);
    for (const auto& [argument, of] : {std::pair{DNNL_ARG_SRC, dy},
                                       {DNNL_ARG_WEIGHTS, x},
                                       {DNNL_ARG_DST, dw},
                                       {DNNL_ARG_SCRATCHPAD, desc.scratchpad_desc()}}) {
      arguments.emplace(argument, memory(of, engine, DNNL_MEMORY_NONE));
    }
  }

  bool isFast() const { return !implementation.empty() && !isReference(implementation.c_str()); }

  void run(float* dy, float* x, float* dw, void* scratch, dnnl::stream& stream) {
    arguments.at(DNNL_ARG_SRC).set_data_handle(dy);
    arguments.at(DNNL_ARG_WEIGHTS).set_data_handle(x);
    arguments.at(DNNL_ARG_DST).set_data_handle(dw);
    arguments.at(DNNL_ARG_SCRATCHPAD).set_data_handle(scratch);
    primitive.execute(stream, arguments);
    stream.wait();
  }

  std::string implementation;
  size_t scratchBytes = 0;
  dnnl::matmul primitive;
  std::unordered_map<int, memory> arguments;
};

// Copies the channels of a pixel, in either layout, to `to`.
void copyPixel(const Rows& rows, const float* image, int64_t n, int64_t pixel, float* to) {
  for (int64_t block = 0; block < rows.blocksPerImage; ++block) {
    const float* from = image + rows.start(n * rows.blocksPerImage + block) + pixel * rows.pitch;
    std::memcpy(to + block * rows.channels, from, static_cast<size_t>(rows.channels) * sizeof(float));
  }
}

class TapWgrad final : public Kernel {
 public:
  TapWgrad(const SnOpDesc& op, Device& device)
      : device_(device),
        attributes_(attributesOf<ConvolutionAttributes>(op)),
        x_(pixelRows(op.inputs[0])),
        dy_(pixelRows(op.inputs[1])),
        images_(op.inputs[0].shape[0]),
        width_(op.inputs[0].shape[2]),
        inputs_(op.inputs[0].shape[3]),
        outputWidth_(op.inputs[1].shape[2]),
        outputs_(op.inputs[1].shape[3]),
        windows_(attributes_, op.inputs[0], op.outputs[0], op.inputs[1]) {
    int64_t mostRows = 0;
    size_t mostScratch = 0;
    forTaps([&](int64_t, Span rows, Span columns, int64_t, int64_t) {
      const int64_t count = rowsOf(rows, columns);
      mostRows = std::max(mostRows, count);
      if (count == 0) return;
      const auto [product, isNew] =
          products_.try_emplace(count, count, outputs_, inputs_, windows_.taps(), device.engine);
      isFast_ = isFast_ && product->second.isFast();
      mostScratch = std::max(mostScratch, product->second.scratchBytes);
    });
    xRows_ = reserveScratch(static_cast<size_t>(mostRows * inputs_) * sizeof(float));
    dyRows_ = reserveScratch(static_cast<size_t>(mostRows * outputs_) * sizeof(float));
    ofProducts_ = reserveScratch(mostScratch);
    if (!products_.empty()) setImplementation("saturnn:taps+" + products_.begin()->second.implementation);
  }

  bool isFast() const { return isFast_ && !products_.empty(); }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const auto* x = static_cast<const float*>(inputs[0]);
    const auto* dy = static_cast<const float*>(inputs[1]);
    auto* dw = static_cast<float*>(outputs[0]);
    auto* bytes = static_cast<char*>(scratch);
    auto* xRows = reinterpret_cast<float*>(bytes + xRows_);
    auto* dyRows = reinterpret_cast<float*>(bytes + dyRows_);
    forTaps([&](int64_t tap, Span rows, Span columns, int64_t top, int64_t left) {
      float* ofTap = dw + tap * inputs_;
      if (rowsOf(rows, columns) == 0) return clear(ofTap);
      gather(x, dy, rows, columns, top, left, xRows, dyRows);
      products_.at(rowsOf(rows, columns)).run(dyRows, xRows, ofTap, bytes + ofProducts_, device_.stream);
    });
    if (outputs[1]) sumBias(dy, static_cast<float*>(outputs[1]));
  }

 private:
  // Calls body(tap, rows, columns, top, left) for each tap: the windows that it is in, and its pixel in window (0, 0).
  template <typename Body>
  void forTaps(const Body& body) const {
    const ConvolutionAttributes& a = attributes_;
    int64_t tap = 0;
    for (size_t i = 0; i < windows_.rows.size(); ++i) {
      for (size_t j = 0; j < windows_.columns.size(); ++j) {
        body(tap++, windows_.rows[i], windows_.columns[j], static_cast<int64_t>(i) * a.dilationH - a.padTop,
             static_cast<int64_t>(j) * a.dilationW - a.padLeft);
      }
    }
  }

  int64_t rowsOf(Span rows, Span columns) const {
    return images_ * (rows.end - rows.begin) * (columns.end - columns.begin);
  }

  void clear(float* ofTap) const {
    for (int64_t output = 0; output < outputs_; ++output) {
      std::fill_n(ofTap + output * windows_.taps() * inputs_, inputs_, 0.0f);
    }
  }

  // Writes x and dy at the windows of a tap as the rows of two matrices.
  void gather(const float* x, const float* dy, Span rows, Span columns, int64_t top, int64_t left, float* xRows,
              float* dyRows) const {
    const int64_t perImage = rowsOf(rows, columns) / images_;
#pragma omp parallel for schedule(static) if (images_ > 1)
    for (int64_t n = 0; n < images_; ++n) {
      int64_t row = n * perImage;
      for (int64_t oh = rows.begin; oh < rows.end; ++oh) {
        for (int64_t ow = columns.begin; ow < columns.end; ++ow, ++row) {
          const int64_t h = oh * attributes_.strideH + top, w = ow * attributes_.strideW + left;
          copyPixel(x_, x, n, h * width_ + w, xRows + row * inputs_);
          copyPixel(dy_, dy, n, oh * outputWidth_ + ow, dyRows + row * outputs_);
        }
      }
    }
  }

  void sumBias(const float* dy, float* dbias) const {
    for (int64_t s = 0; s < dy_.segments; ++s) {
      const int64_t block = s % dy_.blocksPerImage;
      device_.simd->productSums({dy + dy_.start(s), dy_.pitch, nullptr, 0, dy_.rows, dy_.channels,
                                 dbias + block * dy_.channels, s >= dy_.blocksPerImage});
    }
  }

  Device& device_;
  const ConvolutionAttributes attributes_;
  const Rows x_, dy_;
  const int64_t images_, width_, inputs_, outputWidth_, outputs_;
  const TapWindows windows_;
  std::map<int64_t, Product> products_;  // by the number of rows
  bool isFast_ = true;
  size_t xRows_, dyRows_, ofProducts_;  // in the scratch
};

}  // namespace

std::unique_ptr<Kernel> createTapWgrad(const SnOpDesc& op, Device& device) {
  const SnTensor &x = op.inputs[0], &dy = op.inputs[1];
  const bool isSmall = dy.shape[1] * dy.shape[2] <= mostWindows;
  if (x.dtype != SN_F32 || attributesOf<ConvolutionAttributes>(op).groups > 1 || !isSmall) return nullptr;
  auto kernel = std::make_unique<TapWgrad>(op, device);
  if (!kernel->isFast()) return nullptr;
  return kernel;
}

}  // namespace saturnn::cpu
