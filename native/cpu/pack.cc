// Gathers gradients into the State's gradient arena, where one kernel then checks or applies all of them. What was
// already computed in its place there is left alone.
#include <algorithm>
#include <cstring>
#include <vector>

#include "geometry.h"
#include "ops.h"

namespace saturnn {

namespace {

class Pack final : public Kernel {
 public:
  explicit Pack(const SnOpDesc& desc) {
    const SnTensor& flat = desc.outputs[0];
    requireTensor(flat, "flat", SN_F32);
    requireDense(flat, "flat");
    total_ = elementCount(flat);
    const size_t bytes = desc.input_count * sizeof(int32_t);
    require(desc.attribute_bytes == bytes, "Expected " + std::to_string(bytes) + " bytes of offsets but received " +
                                               std::to_string(desc.attribute_bytes));
    std::vector<int32_t> offsets(desc.input_count);
    std::memcpy(offsets.data(), desc.attributes, bytes);
    for (int32_t k = 0; k < desc.input_count; ++k) {
      const std::string name = "input " + std::to_string(k);
      requireTensor(desc.inputs[k], name.c_str(), SN_F32);
      requireDense(desc.inputs[k], name.c_str());
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
    // By ranges of the arena rather than by inputs: their sizes differ a thousandfold.
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

}  // namespace

std::unique_ptr<Kernel> createPack(const SnOpDesc& desc, Device&) { return std::make_unique<Pack>(desc); }

}  // namespace saturnn
