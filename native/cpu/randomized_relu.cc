// y = x + bias, multiplied by a random slope for each element below 0 (RReLU, arXiv:1505.00853, in training), and the
// gradient, which draws the same slopes again, so nothing is stored. A slope depends on seed, step, stream and the
// element's index in NHWC order, so it is the same for all layouts, slices and thread counts.
#include "ops/attributes/randomized_relu.h"

#include "cpu/device/device.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"

namespace saturnn::cpu {

namespace {

RandomizedReluAttributes checkedAttributes(const SnOpDesc& desc) {
  const auto attributes = attributesOf<RandomizedReluAttributes>(desc);
  if (!(attributes.lower > 0.0f && attributes.lower <= attributes.upper && attributes.upper <= 1.0f)) {
    refuse("the slopes", "0 < lower <= upper <= 1",
           std::to_string(attributes.lower) + " and " + std::to_string(attributes.upper));
  }
  return attributes;
}

SlopeSource slopeSource(const RandomizedReluAttributes& attributes, const int32_t* counter) {
  return {static_cast<uint32_t>(counter[0]), static_cast<uint32_t>(counter[1]),
          static_cast<uint32_t>(attributes.stream), attributes.lower, (attributes.upper - attributes.lower) * 0x1p-24f};
}

// Position of a chunk in NHWC order. `channels` is the channel count of the whole tensor.
SlopeRows slopeRows(const Rows& rows, const Chunks::Chunk& chunk, int64_t channels) {
  const int64_t image = chunk.segment / rows.blocksPerImage, block = chunk.segment % rows.blocksPerImage;
  const int64_t pixel = image * rows.rows + chunk.begin;
  return {chunk.end - chunk.begin, rows.channels, pixel * channels + block * blockChannels, channels};
}

class RandomizedRelu final : public Kernel {
 public:
  RandomizedRelu(const SnOpDesc& desc, Device& device) : simd_(*device.simd), attributes_(checkedAttributes(desc)) {
    const SnTensor &x = desc.inputs[0], &bias = desc.inputs[1], &y = desc.outputs[0];
    requireTensor(x, "x", SN_F32);
    requireTensor(y, "y", SN_F32);
    requireSameShape(y, "y", x);
    x_ = elementRows(x);
    y_ = elementRows(y);
    requireSameRows(x_, "x", y_, "y");
    channels_ = channelCount(x);
    if (isPresent(bias)) requireVector(bias, "bias", SN_F32, channels_);
    requireVector(desc.inputs[2], "counter", SN_I32, 2);
    chunks_ = Chunks(x_);
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto* x = static_cast<const float*>(inputs[0]);
    const auto* bias = static_cast<const float*>(inputs[1]);
    auto* y = static_cast<float*>(outputs[0]);
    const SlopeSource source = slopeSource(attributes_, static_cast<const int32_t*>(inputs[2]));
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      const int64_t channel = chunk.segment % x_.blocksPerImage * blockChannels;
      simd_.randomizedRelu(
          {source, slopeRows(x_, chunk, channels_), x + x_.start(chunk.segment) + chunk.begin * x_.pitch, x_.pitch,
           bias ? bias + channel : nullptr, y + y_.start(chunk.segment) + chunk.begin * y_.pitch, y_.pitch});
    });
  }

 private:
  const SimdTable& simd_;
  const RandomizedReluAttributes attributes_;
  Rows x_, y_;
  int64_t channels_;
  Chunks chunks_;
};

class RandomizedReluGradient final : public Kernel {
 public:
  RandomizedReluGradient(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd), attributes_(checkedAttributes(desc)) {
    const SnTensor &dy = desc.inputs[0], &y = desc.inputs[1], &dx = desc.outputs[0], &dbias = desc.outputs[1];
    requireTensor(dy, "dy", SN_F32);
    requireTensor(y, "y", SN_F32);
    requireTensor(dx, "dx", SN_F32);
    requireSameShape(y, "y", dy);
    requireSameShape(dx, "dx", dy);
    dy_ = elementRows(dy);
    y_ = elementRows(y);
    dx_ = elementRows(dx);
    requireSameRows(dy_, "dy", y_, "y");
    requireSameRows(dy_, "dy", dx_, "dx");
    channels_ = channelCount(dy);
    requireVector(desc.inputs[2], "counter", SN_I32, 2);
    chunks_ = Chunks(dy_);
    if (isPresent(dbias)) {
      requireVector(dbias, "dbias", SN_F32, channels_);
      sumRowsCount_ = chunks_.count() / dy_.blocksPerImage;
      reserveScratch(sumRowsCount_ * channels_ * sizeof(float));
    }
    setImplementation(simdImplementation(simd_));
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const auto* dy = static_cast<const float*>(inputs[0]);
    const auto* y = static_cast<const float*>(inputs[1]);
    auto* dx = static_cast<float*>(outputs[0]);
    auto* dbias = static_cast<float*>(outputs[1]);
    // One row of channels per part and image: [parts][images][channels]
    auto* sums = static_cast<float*>(scratch);
    const SlopeSource source = slopeSource(attributes_, static_cast<const int32_t*>(inputs[2]));
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      const int64_t part = chunk.index % chunks_.parts();
      float* chunkSums = sums + (part * dy_.segments + chunk.segment) * dy_.channels;
      simd_.randomizedReluGradient(
          {source, slopeRows(dy_, chunk, channels_), dy + dy_.start(chunk.segment) + chunk.begin * dy_.pitch, dy_.pitch,
           y + y_.start(chunk.segment) + chunk.begin * y_.pitch, y_.pitch,
           dx + dx_.start(chunk.segment) + chunk.begin * dx_.pitch, dx_.pitch, dbias ? chunkSums : nullptr});
    });
    if (dbias) simd_.sumRows(sums, channels_, sumRowsCount_, channels_, 1.0f, dbias);
  }

 private:
  const SimdTable& simd_;
  const RandomizedReluAttributes attributes_;
  Rows dy_, y_, dx_;
  int64_t channels_, sumRowsCount_ = 0;
  Chunks chunks_;
};

}  // namespace

std::unique_ptr<Kernel> createRandomizedRelu(const SnOpDesc& desc, Device& device) {
  return std::make_unique<RandomizedRelu>(desc, device);
}

std::unique_ptr<Kernel> createRandomizedReluGradient(const SnOpDesc& desc, Device& device) {
  return std::make_unique<RandomizedReluGradient>(desc, device);
}

}  // namespace saturnn::cpu
