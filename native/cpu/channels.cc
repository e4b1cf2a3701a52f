// add: the sum of two to eight tensors, in the order of the inputs; may work in place over the first. multiply: a b factor
// of dense tensors, which may be in place too; memory bounds its speed, so it has no loops of its own. concat and its
// inverse slice do nothing if the plan has made their operands views: then other kernels have written directly into the
// concatenated image. affine: x scale + bias, both the same for all pixels.
#include "ops/attributes/channels.h"

#include <vector>

#include "cpu/data/copy.h"
#include "cpu/device/device.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"
#include "cpu/storage.h"

namespace saturnn::cpu {
namespace {

constexpr int32_t mostInputs = 8;

template <typename T>
class Add final : public Kernel {
 public:
  Add(const SnOpDesc& desc, Device& device) : simd_(*device.simd), inputCount_(desc.input_count) {
    const SnTensor& y = desc.outputs[0];
    requireTensor(y, "y", storedAs<T>);
    bool allDense = isDense(y);
    y_ = elementRows(y);
    for (int32_t k = 0; k < inputCount_; ++k) {
      const std::string name = "input " + std::to_string(k);
      requireTensor(desc.inputs[k], name, storedAs<T>);
      requireSameShape(desc.inputs[k], name, y);
      x_[k] = elementRows(desc.inputs[k]);
      requireSameRows(y_, "y", x_[k], name.c_str());
      allDense = allDense && isDense(desc.inputs[k]);
    }
    if (allDense) {
      y_ = flatRows(elementCount(y));
      for (int32_t k = 0; k < inputCount_; ++k) x_[k] = y_;
    }
    gapless_ = y_.dense();
    for (int32_t k = 0; k < inputCount_; ++k) gapless_ = gapless_ && x_[k].dense();
    chunks_ = Chunks(y_);
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      const int64_t rows = chunk.end - chunk.begin;
      const int64_t runs = gapless_ ? 1 : rows;
      const int64_t length = gapless_ ? rows * y_.channels : y_.channels;
      for (int64_t run = 0; run < runs; ++run) {
        const int64_t row = chunk.begin + run;
        const T* x[mostInputs];
        for (int32_t k = 0; k < inputCount_; ++k) {
          x[k] = static_cast<const T*>(inputs[k]) + x_[k].start(chunk.segment) + row * x_[k].pitch;
        }
        T* y = static_cast<T*>(outputs[0]) + y_.start(chunk.segment) + row * y_.pitch;
        imageLoops<T>(simd_).add(x, inputCount_, y, length);
      }
    });
  }

 private:
  const SimdTable& simd_;
  const int32_t inputCount_;
  Rows y_, x_[mostInputs];
  bool gapless_;
  Chunks chunks_;
};

class Multiply final : public Kernel {
 public:
  explicit Multiply(const SnOpDesc& desc) : factor_(attributesOf<MultiplyAttributes>(desc).factor) {
    const SnTensor &a = desc.inputs[0], &b = desc.inputs[1], &y = desc.outputs[0];
    requireOperand(y, "y", y);
    requireOperand(a, "a", y);
    if (isPresent(b)) requireOperand(b, "b", y);
    chunks_ = Chunks(flatRows(elementCount(y)));
    setImplementation("saturnn:scalar");
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto *a = static_cast<const float*>(inputs[0]), *b = static_cast<const float*>(inputs[1]);
    auto* y = static_cast<float*>(outputs[0]);
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      for (int64_t i = chunk.begin; i < chunk.end; ++i) y[i] = (b ? a[i] * b[i] : a[i]) * factor_;
    });
  }

 private:
  // In both layouts the elements of dense tensors of one shape follow each other in the same order.
  static void requireOperand(const SnTensor& tensor, const char* name, const SnTensor& y) {
    requireTensor(tensor, name, SN_F32);
    requireSameShape(tensor, name, y);
    if (!isDense(tensor) || tensor.layout != y.layout)
      refuse(name, "a dense tensor in the layout of y", describe(tensor));
  }

  const float factor_;
  Chunks chunks_;
};

class Concat final : public Kernel {
 public:
  explicit Concat(const SnOpDesc& desc) : y_(desc.outputs[0]) {
    requireView(y_, "y");
    int64_t channel = 0;
    for (int32_t k = 0; k < desc.input_count; ++k) {
      const SnTensor& x = desc.inputs[k];
      const std::string name = "input " + std::to_string(k);
      requireTensor(x, name, y_.dtype);
      const int64_t channels = x.rank == y_.rank ? x.shape[x.rank - 1] : 0;
      const SnTensor part = channelSlice(y_, channel, channels);
      requireSameShape(x, name, part);
      channel += channels;
      require(channel <= y_.shape[y_.rank - 1],
              "Expected the channels of the inputs to fill y, " + describe(y_) + ", but received more");
      requireView(part, "the part of y for " + name);
      x_.push_back(x);
      parts_.push_back(part);
    }
    require(channel == y_.shape[y_.rank - 1], "Expected the channels of the inputs to fill y, " + describe(y_) +
                                                  ", but received " + std::to_string(channel));
    setImplementation("saturnn:copy");
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    for (size_t k = 0; k < x_.size(); ++k) {
      if (inputs[k] == outputs[0] && samePlace(x_[k], parts_[k])) continue;
      copyTensor(x_[k], inputs[k], parts_[k], outputs[0]);
    }
  }

 private:
  const SnTensor y_;
  std::vector<SnTensor> x_, parts_;
};

class Slice final : public Kernel {
 public:
  explicit Slice(const SnOpDesc& desc) : y_(desc.outputs[0]) {
    const int64_t offset = attributesOf<SliceAttributes>(desc).channelOffset;
    const SnTensor& x = desc.inputs[0];
    requireView(x, "x");
    requireTensor(y_, "y", x.dtype);
    require(x.rank == y_.rank && offset >= 0 && offset + y_.shape[y_.rank - 1] <= x.shape[x.rank - 1],
            "Expected channels within x, " + describe(x) + ", but received channels " + std::to_string(offset) +
                " and following for y, " + describe(y_));
    part_ = channelSlice(x, offset, y_.shape[y_.rank - 1]);
    requireView(part_, "the part of x");
    requireSameShape(y_, "y", part_);
    setImplementation("saturnn:copy");
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    if (inputs[0] == outputs[0] && samePlace(part_, y_)) return;
    copyTensor(part_, inputs[0], y_, outputs[0]);
  }

 private:
  const SnTensor y_;
  SnTensor part_;
};

// Vectors of channels: [C], the same for all images, or [N, C].
void requireChannelVector(const SnTensor& vector, const char* name, const SnTensor& image) {
  requireDense(vector, name, SN_F32);
  if (vector.rank == 1) return requireShape(vector, name, {image.shape[3]});
  requireShape(vector, name, {image.shape[0], image.shape[3]});
}

// Where the channels of a segment (of pixelRows) begin in a vector.
int64_t firstChannel(const SnTensor& vector, const Rows& rows, int64_t segment) {
  const int64_t image = vector.rank == 1 ? 0 : segment / rows.blocksPerImage;
  return (image * rows.blocksPerImage + segment % rows.blocksPerImage) * rows.channels;
}

template <typename T>
class Affine final : public Kernel {
 public:
  Affine(const SnOpDesc& desc, Device& device) : simd_(*device.simd), scale_(desc.inputs[1]), bias_(desc.inputs[2]) {
    const SnTensor &x = desc.inputs[0], &y = desc.outputs[0];
    requireImage(x, "x", storedAs<T>);
    requireImage(y, "y", storedAs<T>);
    requireSameShape(y, "y", x);
    if (isPresent(scale_)) requireChannelVector(scale_, "scale", x);
    if (isPresent(bias_)) requireChannelVector(bias_, "bias", x);
    x_ = pixelRows(x);
    y_ = pixelRows(y);
    requireSameRows(x_, "x", y_, "y");
    chunks_ = Chunks(y_);
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto vectorOf = [&](const SnTensor& vector, const void* data, int64_t segment) {
      return data ? static_cast<const float*>(data) + firstChannel(vector, y_, segment) : nullptr;
    };
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      const T* x = static_cast<const T*>(inputs[0]) + x_.start(chunk.segment) + chunk.begin * x_.pitch;
      T* y = static_cast<T*>(outputs[0]) + y_.start(chunk.segment) + chunk.begin * y_.pitch;
      imageLoops<T>(simd_).affine({x, x_.pitch, vectorOf(scale_, inputs[1], chunk.segment),
                                   vectorOf(bias_, inputs[2], chunk.segment), y, y_.pitch, chunk.end - chunk.begin,
                                   y_.channels});
    });
  }

 private:
  const SimdTable& simd_;
  const SnTensor scale_, bias_;
  Rows x_, y_;
  Chunks chunks_;
};

// The order of the sums is fixed: over the pixels of each image, then over the images.
template <typename T>
class AffineGradient final : public Kernel {
 public:
  AffineGradient(const SnOpDesc& desc, Device& device) : simd_(*device.simd), sums_(desc.outputs[0]) {
    const SnTensor &dy = desc.inputs[0], &x = desc.inputs[1];
    requireImage(dy, "dy", storedAs<T>);
    requireChannelVector(sums_, "the gradient", dy);
    dy_ = x_ = pixelRows(dy);
    batch_ = dy.shape[0];
    if (isPresent(x)) {
      requireImage(x, "x", storedAs<T>);
      requireSameShape(x, "x", dy);
      x_ = pixelRows(x);
      requireSameRows(x_, "x", dy_, "dy");
    }
    if (sums_.rank == 1) reserveScratch(static_cast<size_t>(batch_ * dy.shape[3]) * sizeof(float));
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const auto* dy = static_cast<const T*>(inputs[0]);
    const auto* x = static_cast<const T*>(inputs[1]);
    auto* sums = static_cast<float*>(outputs[0]);
    auto* parts = sums_.rank == 1 ? static_cast<float*>(scratch) : sums;
#pragma omp parallel for schedule(static)
    for (int64_t s = 0; s < dy_.segments; ++s) {
      // In both layouts the segments, one after the other, fill the rows of [N, C] without gaps.
      imageLoops<T>(simd_).productSums({dy + dy_.start(s), dy_.pitch, x ? x + x_.start(s) : nullptr, x_.pitch, dy_.rows,
                                        dy_.channels, parts + s * dy_.channels, false});
    }
    if (sums_.rank == 1) simd_.sumRows(parts, sums_.shape[0], batch_, sums_.shape[0], 1.0f, sums);
  }

 private:
  const SimdTable& simd_;
  const SnTensor sums_;
  int64_t batch_;
  Rows dy_, x_;
};

}  // namespace

std::unique_ptr<Kernel> createAdd(const SnOpDesc& desc, Device& device) {
  return createFor<Add>(desc.outputs[0], desc, device);
}

std::unique_ptr<Kernel> createMultiply(const SnOpDesc& desc, Device&) { return std::make_unique<Multiply>(desc); }

std::unique_ptr<Kernel> createConcat(const SnOpDesc& desc, Device&) { return std::make_unique<Concat>(desc); }

std::unique_ptr<Kernel> createSlice(const SnOpDesc& desc, Device&) { return std::make_unique<Slice>(desc); }

std::unique_ptr<Kernel> createAffine(const SnOpDesc& desc, Device& device) {
  return createFor<Affine>(desc.inputs[0], desc, device);
}

std::unique_ptr<Kernel> createAffineGradient(const SnOpDesc& desc, Device& device) {
  return createFor<AffineGradient>(desc.inputs[0], desc, device);
}

}  // namespace saturnn::cpu
