// pack copies gradients into the State's gradient arena, where one kernel then checks or applies all of them, or joins
// weights. rows takes a part of joined weights. Tensors that are already in place are not copied.
#include <algorithm>
#include <cstring>
#include <vector>

#include "cpu/geometry.h"
#include "cpu/kernel.h"
#include "ops/attributes/data.h"

namespace saturnn::cpu {

namespace {

class Pack final : public Kernel {
 public:
  explicit Pack(const SnOpDesc& desc) {
    const SnTensor& flat = desc.outputs[0];
    requireDense(flat, "flat", SN_F32);
    total_ = elementCount(flat);
    const size_t bytes = desc.input_count * sizeof(int32_t);
    require(desc.attribute_bytes == bytes, "Expected " + std::to_string(bytes) + " bytes of offsets but received " +
                                               std::to_string(desc.attribute_bytes));
    std::vector<int32_t> offsets(desc.input_count);
    std::memcpy(offsets.data(), desc.attributes, bytes);
    for (int32_t k = 0; k < desc.input_count; ++k) {
      const std::string name = "input " + std::to_string(k);
      requireDense(desc.inputs[k], name, SN_F32);
      const int64_t count = elementCount(desc.inputs[k]);
      require(offsets[k] >= 0 && offsets[k] + count <= total_,
              "Expected " + name + " within the " + std::to_string(total_) + " elements of flat but received offset " +
                  std::to_string(offsets[k]) + " for " + describe(desc.inputs[k]));
      pieces_.push_back({k, offsets[k], count});
    }
    setImplementation("saturnn:copy");
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    auto* flat = static_cast<float*>(outputs[0]);
    // Threads share ranges of the arena instead of inputs, because the sizes of inputs differ a thousandfold.
    Chunks(flatRows(total_)).forEach([&](const Chunks::Chunk& chunk) {
      for (const Piece& piece : pieces_) {
        const int64_t begin = std::max(chunk.begin, piece.offset);
        const int64_t end = std::min(chunk.end, piece.offset + piece.count);
        const auto* source = static_cast<const float*>(inputs[piece.input]);
        if (begin >= end || source == flat + piece.offset) continue;
        std::memcpy(flat + begin, source + (begin - piece.offset), (end - begin) * sizeof(float));
      }
    });
  }

 private:
  struct Piece {
    int32_t input;
    int64_t offset, count;
  };

  int64_t total_;
  std::vector<Piece> pieces_;
};

class RowsOf final : public Kernel {
 public:
  explicit RowsOf(const SnOpDesc& desc) {
    const SnTensor &x = desc.inputs[0], &y = desc.outputs[0];
    requireTensor(x, "x", SN_F32);
    requireTensor(y, "y", SN_F32);
    requireDense(x, "x");
    requireDense(y, "y");
    require(x.rank > 0 && x.rank == y.rank,
            "Expected as many dimensions for y as x has, " + describe(x) + ", but received " + describe(y));
    const int64_t firstRow = attributesOf<RowsAttributes>(desc).firstRow;
    SnTensor part = x;
    part.shape[0] = y.shape[0];
    requireSameShape(y, "y", part);
    require(firstRow >= 0 && firstRow + y.shape[0] <= x.shape[0],
            "Expected rows within x, " + describe(x) + ", but received rows " + std::to_string(firstRow) +
                " and following for y, " + describe(y));
    offset_ = firstRow * (elementCount(x) / x.shape[0]);
    count_ = elementCount(y);
    setImplementation("saturnn:copy");
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    const auto* x = static_cast<const float*>(inputs[0]) + offset_;
    auto* y = static_cast<float*>(outputs[0]);
    if (x == y) return;
    Chunks(flatRows(count_)).forEach([&](const Chunks::Chunk& chunk) {
      std::memcpy(y + chunk.begin, x + chunk.begin, (chunk.end - chunk.begin) * sizeof(float));
    });
  }

 private:
  int64_t offset_, count_;
};

}  // namespace

std::unique_ptr<Kernel> createPack(const SnOpDesc& desc, Device&) { return std::make_unique<Pack>(desc); }

std::unique_ptr<Kernel> createRows(const SnOpDesc& desc, Device&) { return std::make_unique<RowsOf>(desc); }

}  // namespace saturnn::cpu
