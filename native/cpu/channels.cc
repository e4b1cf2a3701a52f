// add: the sum of two to eight tensors, in the order of the inputs; may work in place over the first. concat and its
// inverse slice do nothing if the plan has made their operands views: then other kernels have written directly into the
// concatenated image.
#include "ops/channels.h"

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

}  // namespace

std::unique_ptr<Kernel> createAdd(const SnOpDesc& desc, Device& device) {
  return createFor<Add>(desc.outputs[0], desc, device);
}

std::unique_ptr<Kernel> createConcat(const SnOpDesc& desc, Device&) { return std::make_unique<Concat>(desc); }

std::unique_ptr<Kernel> createSlice(const SnOpDesc& desc, Device&) { return std::make_unique<Slice>(desc); }

}  // namespace saturnn::cpu
