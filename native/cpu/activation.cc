// activation: y = f(x + bias), for every activation, both layouts, between channel slices, or in place. With AVX-512,
// in place on an image larger than the caches, it takes 1.3 times as long as a memcpy of that image.
// activationGradient: dx = dy f'(y), with the gradient of the bias in the same pass, which needs no more memory
// traffic. It may be in place over dy, and may read dy and y from channel slices.
// clamp and clampGradient: the same between two bounds, without a bias. Memory bounds their speed on every processor, so
// they have no loops of their own per instruction set.
#include "cpu/activation.h"

#include "cpu/device/device.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"
#include "cpu/storage.h"
#include "ops/attributes/activation.h"
#include "shared/clamp.h"

namespace saturnn::cpu {

template <typename T>
void activateTensor(const SimdTable& simd, int kind, float slope, const SnTensor& xTensor, const T* x,
                    const float* bias, const SnTensor& yTensor, T* y) {
  Rows xRows = elementRows(xTensor), yRows = elementRows(yTensor);
  if (!bias && xRows.segments == 1 && isDense(xTensor) && isDense(yTensor)) {
    xRows = yRows = flatRows(elementCount(xTensor));
  }
  const auto activateRows = activationLoops<T>(simd)[kind].forward;
  Chunks(xRows).forEach([&](const Chunks::Chunk& chunk) {
    const int64_t channel = chunk.segment % xRows.blocksPerImage * blockChannels;
    activateRows({x + xRows.start(chunk.segment) + chunk.begin * xRows.pitch, xRows.pitch,
                  bias ? bias + channel : nullptr, y + yRows.start(chunk.segment) + chunk.begin * yRows.pitch,
                  yRows.pitch, chunk.end - chunk.begin, xRows.channels, slope});
  });
}

template void activateTensor<float>(const SimdTable&, int, float, const SnTensor&, const float*, const float*,
                                    const SnTensor&, float*);
template void activateTensor<Bf16>(const SimdTable&, int, float, const SnTensor&, const Bf16*, const float*,
                                   const SnTensor&, Bf16*);

namespace {

template <typename T>
class Activation final : public Kernel {
 public:
  Activation(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd),
        attributes_(attributesOf<ActivationAttributes>(desc)),
        x_(desc.inputs[0]),
        y_(desc.outputs[0]) {
    requireTensor(x_, "x", storedAs<T>);
    requireTensor(y_, "y", storedAs<T>);
    requireSameShape(y_, "y", x_);
    requireSameRows(elementRows(x_), "x", elementRows(y_), "y");
    if (isPresent(desc.inputs[1])) requireVector(desc.inputs[1], "bias", SN_F32, x_.shape[x_.rank - 1]);
    if (attributes_.kind < 0 || attributes_.kind >= simd_.activations->count) {
      refuse("kind", "an activation's id", std::to_string(attributes_.kind));
    }
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    activateTensor<T>(simd_, attributes_.kind, attributes_.slope, x_, static_cast<const T*>(inputs[0]),
                      static_cast<const float*>(inputs[1]), y_, static_cast<T*>(outputs[0]));
  }

 private:
  const SimdTable& simd_;
  const ActivationAttributes attributes_;
  const SnTensor x_, y_;
};

template <typename T>
class ActivationGradient final : public Kernel {
 public:
  ActivationGradient(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd), attributes_(attributesOf<ActivationAttributes>(desc)) {
    const SnTensor &dy = desc.inputs[0], &y = desc.inputs[1], &dx = desc.outputs[0], &dbias = desc.outputs[1];
    requireTensor(dy, "dy", storedAs<T>);
    requireTensor(y, "y", storedAs<T>);
    requireTensor(dx, "dx", storedAs<T>);
    requireSameShape(y, "y", dy);
    requireSameShape(dx, "dx", dy);
    if (attributes_.kind < 0 || attributes_.kind >= simd_.activations->count) {
      refuse("kind", "an activation's id", std::to_string(attributes_.kind));
    }
    dy_ = elementRows(dy);
    y_ = elementRows(y);
    dx_ = elementRows(dx);
    requireSameRows(dy_, "dy", y_, "y");
    requireSameRows(dy_, "dy", dx_, "dx");
    channels_ = dy.shape[dy.rank - 1];
    if (isPresent(dbias)) {
      requireVector(dbias, "dbias", SN_F32, channels_);
    } else if (dy_.segments == 1 && isDense(dy) && isDense(y) && isDense(dx)) {
      dy_ = y_ = dx_ = flatRows(elementCount(dy));
    }
    chunks_ = Chunks(dy_);
    if (isPresent(dbias)) {
      sumRowsCount_ = chunks_.count() / dy_.blocksPerImage;
      reserveScratch(sumRowsCount_ * channels_ * sizeof(float));
    }
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const auto* dy = static_cast<const T*>(inputs[0]);
    const auto* y = static_cast<const T*>(inputs[1]);
    auto* dx = static_cast<T*>(outputs[0]);
    auto* dbias = static_cast<float*>(outputs[1]);
    // One row of channels per part and image: [parts][images][channels]
    auto* sums = static_cast<float*>(scratch);
    const auto gradientRows = activationLoops<T>(simd_)[attributes_.kind].gradient;
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      const int64_t part = chunk.index % chunks_.parts();
      float* chunkSums = sums + (part * dy_.segments + chunk.segment) * dy_.channels;
      gradientRows({dy + dy_.start(chunk.segment) + chunk.begin * dy_.pitch, dy_.pitch,
                    y + y_.start(chunk.segment) + chunk.begin * y_.pitch, y_.pitch,
                    dx + dx_.start(chunk.segment) + chunk.begin * dx_.pitch, dx_.pitch, dbias ? chunkSums : nullptr,
                    chunk.end - chunk.begin, dy_.channels, attributes_.slope});
    });
    if (dbias) simd_.sumRows(sums, channels_, sumRowsCount_, channels_, 1.0f, dbias);
  }

 private:
  const SimdTable& simd_;
  const ActivationAttributes attributes_;
  Rows dy_, y_, dx_;
  int64_t channels_, sumRowsCount_ = 0;
  Chunks chunks_;
};

// clamp: y = x between the bounds. clampGradient, which reads dy and y: dx = dy where y is between them.
template <typename T>
class Clamp final : public Kernel {
 public:
  Clamp(const SnOpDesc& desc, Device& device)
      : bounds_(attributesOf<ClampAttributes>(desc)), isGradient_(desc.input_count == 2) {
    const SnTensor& result = desc.outputs[0];
    requireTensor(result, "the result", storedAs<T>);
    result_ = elementRows(result);
    for (int32_t k = 0; k < desc.input_count; ++k) {
      const std::string name = "input " + std::to_string(k);
      requireTensor(desc.inputs[k], name, storedAs<T>);
      requireSameShape(desc.inputs[k], name, result);
      rows_[k] = elementRows(desc.inputs[k]);
      requireSameRows(rows_[k], name, result_, "the result");
    }
    chunks_ = Chunks(result_);
    setImplementation(simdImplementation(*device.simd));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    // A result that is a bound must be recognised as one, although it was rounded.
    const float low = widen(narrow<T>(bounds_.low)), high = widen(narrow<T>(bounds_.high));
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      for (int64_t row = chunk.begin; row < chunk.end; ++row) {
        const T* x = static_cast<const T*>(inputs[0]) + rows_[0].start(chunk.segment) + row * rows_[0].pitch;
        T* result = static_cast<T*>(outputs[0]) + result_.start(chunk.segment) + row * result_.pitch;
        if (!isGradient_) {
          for (int64_t c = 0; c < result_.channels; ++c) result[c] = narrow<T>(clampKeepingNan(widen(x[c]), low, high));
          continue;
        }
        const T* y = static_cast<const T*>(inputs[1]) + rows_[1].start(chunk.segment) + row * rows_[1].pitch;
        for (int64_t c = 0; c < result_.channels; ++c) {
          result[c] = narrow<T>(widen(x[c]) * clampSlope(widen(y[c]), low, high));
        }
      }
    });
  }

 private:
  const ClampAttributes bounds_;
  const bool isGradient_;
  Rows rows_[2], result_;
  Chunks chunks_;
};

}  // namespace

std::unique_ptr<Kernel> createActivation(const SnOpDesc& desc, Device& device) {
  return createFor<Activation>(desc.inputs[0], desc, device);
}

std::unique_ptr<Kernel> createActivationGradient(const SnOpDesc& desc, Device& device) {
  return createFor<ActivationGradient>(desc.inputs[0], desc, device);
}

std::unique_ptr<Kernel> createClamp(const SnOpDesc& desc, Device& device) {
  return createFor<Clamp>(desc.inputs[0], desc, device);
}

}  // namespace saturnn::cpu
