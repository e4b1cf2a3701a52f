// copy: y = x, where one or both may be a channel slice. The layouts may differ, at the borders of a blocked plan. One
// may be f32 and the other bf16, at the borders of the bf16 part of a plan, which is plain. flatten is the same, where rows
// [N, H W C] are one of the images.
#include "cpu/data/copy.h"

#include <cstring>

#include "cpu/geometry.h"
#include "cpu/kernel.h"
#include "cpu/storage.h"

namespace saturnn::cpu {

namespace {

// Rows may overlap with themselves, where both tensors are slices of one buffer, so each is moved.
void copyRows(const Rows& xRows, const char* x, const Rows& yRows, char* y, int64_t size) {
  Chunks(xRows).forEach([&](const Chunks::Chunk& chunk) {
    const int64_t rows = chunk.end - chunk.begin;
    const bool gapless = xRows.dense() && yRows.dense();
    const int64_t runs = gapless ? 1 : rows;
    const int64_t bytes = (gapless ? rows : 1) * xRows.channels * size;
    const char* from = x + (xRows.start(chunk.segment) + chunk.begin * xRows.pitch) * size;
    char* to = y + (yRows.start(chunk.segment) + chunk.begin * yRows.pitch) * size;
    for (int64_t run = 0; run < runs; ++run) {
      std::memmove(to + run * yRows.pitch * size, from + run * xRows.pitch * size, bytes);
    }
  });
}

// Whether two ranges of memory have a byte in common.
bool overlap(const char* x, const char* y, int64_t bytes) {
  const auto a = reinterpret_cast<uintptr_t>(x), b = reinterpret_cast<uintptr_t>(y);
  return a < b + bytes && b < a + bytes;
}

// Copies between layouts, 16 channels at a time: a cache line of floats.
template <int64_t Size>
void convert(const SnTensor& plainTensor, const SnTensor& blockedTensor, const char* x, char* y, bool toBlocked) {
  const Rows plain = pixelRows(plainTensor), blocked = pixelRows(blockedTensor);
  constexpr int64_t bytes = blockChannels * Size;
  constexpr int64_t tile = 16;  // pixels whose lines stay in the cache while their channels are walked
  const int64_t pixels = plain.rows, tiles = (pixels + tile - 1) / tile;
#pragma omp parallel for collapse(2) schedule(static)
  for (int64_t image = 0; image < plain.segments; ++image) {
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t end = (t + 1) * tile < pixels ? (t + 1) * tile : pixels;
      for (int64_t block = 0; block < blocked.blocksPerImage; ++block) {
        for (int64_t pixel = t * tile; pixel < end; ++pixel) {
          const int64_t p = (plain.start(image) + pixel * plain.pitch + block * blockChannels) * Size;
          const int64_t b = (blocked.start(image * blocked.blocksPerImage + block) + pixel * blockChannels) * Size;
          std::memcpy(y + (toBlocked ? b : p), x + (toBlocked ? p : b), bytes);
        }
      }
    }
  }
}

// Copies row by row, or all at once if there are no gaps between the rows.
template <typename X, typename Y>
void convertRows(const Rows& xRows, const X* x, const Rows& yRows, Y* y, void (*run)(const X*, Y*, int64_t)) {
  Chunks(xRows).forEach([&](const Chunks::Chunk& chunk) {
    const int64_t rows = chunk.end - chunk.begin;
    const bool gapless = xRows.dense() && yRows.dense();
    const int64_t runs = gapless ? 1 : rows;
    const X* from = x + xRows.start(chunk.segment) + chunk.begin * xRows.pitch;
    Y* to = y + yRows.start(chunk.segment) + chunk.begin * yRows.pitch;
    for (int64_t i = 0; i < runs; ++i) {
      run(from + i * xRows.pitch, to + i * yRows.pitch, (gapless ? rows : 1) * xRows.channels);
    }
  });
}

class Conversion final : public Kernel {
 public:
  Conversion(const SnOpDesc& desc, Device& device)
      : loops_(imageLoops<Bf16>(*device.simd)), narrows_(desc.inputs[0].dtype == SN_F32) {
    const SnTensor &x = desc.inputs[0], &y = desc.outputs[0];
    requireTensor(x, "x", narrows_ ? SN_F32 : SN_BF16);
    requireTensor(y, "y", narrows_ ? SN_BF16 : SN_F32);
    requireSameShape(y, "y", x);
    x_ = elementRows(x);
    y_ = elementRows(y);
    requireSameRows(x_, "x", y_, "y");
    if (isDense(x) && isDense(y)) x_ = y_ = flatRows(elementCount(x));
    setImplementation(simdImplementation(*device.simd));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    if (narrows_) {
      convertRows(x_, static_cast<const float*>(inputs[0]), y_, static_cast<Bf16*>(outputs[0]), loops_.fromFloats);
    } else {
      convertRows(x_, static_cast<const Bf16*>(inputs[0]), y_, static_cast<float*>(outputs[0]), loops_.toFloats);
    }
  }

 private:
  const ImageLoops<Bf16>& loops_;
  const bool narrows_;
  Rows x_, y_;
};

class Copy final : public Kernel {
 public:
  explicit Copy(const SnOpDesc& desc) : x_(desc.inputs[0]), y_(desc.outputs[0]) {
    requireView(x_, "x");
    requireTensor(y_, "y", x_.dtype);
    requireSameShape(y_, "y", x_);
    setImplementation("saturnn:copy");
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    if (inputs[0] == outputs[0] && samePlace(x_, y_)) return;
    copyTensor(x_, inputs[0], y_, outputs[0]);
  }

 private:
  const SnTensor x_, y_;
};

}  // namespace

void copyTensor(const SnTensor& xTensor, const void* xData, const SnTensor& yTensor, void* yData) {
  const auto* x = static_cast<const char*>(xData);
  auto* y = static_cast<char*>(yData);
  const int64_t size = elementBytes(xTensor.dtype);
  const Rows xRows = elementRows(xTensor), yRows = elementRows(yTensor);
  if (sameRows(xRows, yRows)) {
    const bool flat = xRows.segments == 1 && isDense(xTensor) && isDense(yTensor);
    const Rows all = flatRows(elementCount(xTensor));
    const int64_t bytes = elementCount(xTensor) * size;
    if (flat && overlap(x, y, bytes)) {  // no thread may write what another has not read yet
      std::memmove(y, x, bytes);
      return;
    }
    copyRows(flat ? all : xRows, x, flat ? all : yRows, y, size);
    return;
  }
  const bool toBlocked = yTensor.layout == SN_NCHW16C;
  const SnTensor& plain = toBlocked ? xTensor : yTensor;
  const SnTensor& blocked = toBlocked ? yTensor : xTensor;
  if (size == 1) {
    convert<1>(plain, blocked, x, y, toBlocked);
  } else {
    convert<4>(plain, blocked, x, y, toBlocked);
  }
}

// The kernels keep copies of the description's tensors.
std::unique_ptr<Kernel> createCopy(const SnOpDesc& desc, Device& device) {
  const SnDType from = desc.inputs[0].dtype, to = desc.outputs[0].dtype;
  const bool converts = (from == SN_F32 && to == SN_BF16) || (from == SN_BF16 && to == SN_F32);
  if (!converts) return std::make_unique<Copy>(desc);
  requireBf16(device);
  return std::make_unique<Conversion>(desc, device);
}

std::unique_ptr<Kernel> createFlatten(const SnOpDesc& desc, Device& device) {
  const SnTensor y = rowsAsImage(desc.outputs[0], "y", desc.inputs[0]);
  SnOpDesc copy = desc;
  copy.outputs = &y;
  return createCopy(copy, device);
}

std::unique_ptr<Kernel> createFlattenGradient(const SnOpDesc& desc, Device& device) {
  const SnTensor dy = rowsAsImage(desc.inputs[0], "dy", desc.outputs[0]);
  SnOpDesc copy = desc;
  copy.inputs = &dy;
  return createCopy(copy, device);
}

}  // namespace saturnn::cpu
