// dx = dy f'(y), and in the same pass the gradient of the bias, which costs no more memory traffic. In place over dy,
// or gathering dy and y from channel slices.
#include "device.h"
#include "geometry.h"
#include "ops.h"
#include "storage.h"

namespace saturnn {

namespace {

template <typename T>
class ActivationGradient final : public Kernel {
 public:
  ActivationGradient(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd), attributes_(attributesOf<SnActivationAttributes>(desc)) {
    const SnTensor &dy = desc.inputs[0], &y = desc.inputs[1], &dx = desc.outputs[0], &dbias = desc.outputs[1];
    requireTensor(dy, "dy", storedAs<T>);
    requireTensor(y, "y", storedAs<T>);
    requireTensor(dx, "dx", storedAs<T>);
    require(dy.rank > 0, "Expected at least one dimension for dy but received " + describe(dy));
    requireSameShape(dy, "dy", y, "y");
    requireSameShape(dy, "dy", dx, "dx");
    require(attributes_.kind >= 0 && attributes_.kind < SN_ACTIVATION_COUNT,
            "Expected an activation but received kind " + std::to_string(attributes_.kind));
    dy_ = elementRows(dy);
    y_ = elementRows(y);
    dx_ = elementRows(dx);
    requireSameRows(dy_, "dy", y_, "y");
    requireSameRows(dy_, "dy", dx_, "dx");
    channels_ = dy.shape[dy.rank - 1];
    if (isPresent(dbias)) {
      requireCount(dbias, "dbias", SN_F32, channels_);
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
    const auto gradientRows = imageLoops<T>(simd_).activateGradient[attributes_.kind];
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      const int64_t part = chunk.index % chunks_.parts();
      float* chunkSums = sums + (part * dy_.segments + chunk.segment) * dy_.channels;
      gradientRows({dy + dy_.start(chunk.segment) + chunk.begin * dy_.pitch, dy_.pitch,
                    y + y_.start(chunk.segment) + chunk.begin * y_.pitch, y_.pitch,
                    dx + dx_.start(chunk.segment) + chunk.begin * dx_.pitch, dx_.pitch,
                    dbias ? chunkSums : nullptr, chunk.end - chunk.begin, dy_.channels, attributes_.slope});
    });
    if (dbias) simd_.sumRows(sums, channels_, sumRowsCount_, channels_, 1.0f, dbias);
  }

 private:
  const SimdTable& simd_;
  const SnActivationAttributes attributes_;
  Rows dy_, y_, dx_;
  int64_t channels_, sumRowsCount_ = 0;
  Chunks chunks_;
};

}  // namespace

std::unique_ptr<Kernel> createActivationGradient(const SnOpDesc& desc, Device& device) {
  return createFor<ActivationGradient>(desc.inputs[0], desc, device);
}

}  // namespace saturnn
