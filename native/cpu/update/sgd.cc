// SGD with momentum and weight decay over the whole parameter arena at once: m = momentum m - lr (g + decay w), w += m;
// with Nesterov w += momentum m - lr (g + decay w). The gradient may be multiplied by a factor (clipping), and segments
// of the arena may have their own rates and decays. Nothing is written if the gate is not 0. sgdCheck tells before whether
// a new value would overflow.
#include "cpu/device/device.h"
#include "cpu/kernel.h"
#include "cpu/update/overflow.h"
#include "cpu/update/segments.h"
#include "ops/attributes/update.h"

namespace saturnn::cpu {

namespace {

// The inputs of an update, and the loop over them.
class SgdRule {
 public:
  SgdRule(const SnOpDesc& desc, Device& device)
      : simd_(*device.simd),
        attributes_(attributesOf<SgdAttributes>(desc)),
        segments_(desc, 6, elementCount(desc.inputs[1]), attributes_.weightDecay, attributes_.decayed) {
    requireVector(desc.inputs[0], "gate", SN_I32, 1);
    const int64_t count = elementCount(desc.inputs[1]);
    requireVector(desc.inputs[1], "parameters", SN_F32, count);
    requireVector(desc.inputs[2], "momentum", SN_F32, count);
    requireVector(desc.inputs[3], "gradient", SN_F32, count);
    requireVector(desc.inputs[4], "learningRate", SN_F32, 1);
    if (isPresent(desc.inputs[5])) requireVector(desc.inputs[5], "scale", SN_F32, 1);
    chunks_ = Chunks(flatRows(count));
  }

  // Calls run(SgdRun) for runs of elements with the same numbers, on all threads.
  template <typename Run>
  void forRuns(void* const* inputs, const Run& run) const {
    auto* parameters = static_cast<float*>(inputs[1]);
    auto* momentum = static_cast<float*>(inputs[2]);
    const auto* gradient = static_cast<const float*>(inputs[3]);
    const float learningRate = *static_cast<const float*>(inputs[4]);
    const float scale = gradientScale(inputs[5]);
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      segments_.forEach(inputs, chunk.begin, chunk.end, [&](int64_t begin, int64_t end, float rate, float decay) {
        run(SgdRun{parameters + begin, momentum + begin, gradient + begin, end - begin, scale, learningRate * rate,
                   attributes_.momentum, decay, attributes_.nesterov != 0});
      });
    });
  }

  const SimdTable& simd() const { return simd_; }

 private:
  const SimdTable& simd_;
  const SgdAttributes attributes_;
  const Segments segments_;
  Chunks chunks_;
};

class Sgd final : public Kernel {
 public:
  Sgd(const SnOpDesc& desc, Device& device) : rule_(desc, device) {
    setImplementation(simdImplementation(rule_.simd()));
  }

  void launch(void* const* inputs, void* const*, void*) override {
    if (*static_cast<const int32_t*>(inputs[0]) != 0) return;
    rule_.forRuns(inputs, [&](const SgdRun& run) { rule_.simd().sgd(run); });
  }

 private:
  const SgdRule rule_;
};

class SgdCheck final : public Kernel {
 public:
  SgdCheck(const SnOpDesc& desc, Device& device) : rule_(desc, device) {
    if (isPresent(desc.inputs[9])) requireVector(desc.inputs[9], "skip", SN_I32, 1);
    requireVector(desc.outputs[0], "flag", SN_I32, 1);
    setImplementation(simdImplementation(rule_.simd()));
  }

  void launch(void* const* inputs, void* const* outputs, void*) override {
    if (!isChecked(inputs[0], inputs[9], outputs[0])) return;
    OverflowCheck check(rule_.simd());
    rule_.forRuns(inputs, [&](const SgdRun& run) {
      check.run<2>({run.parameters, run.momentum}, run.count, [&](const auto& copies, int64_t first, int64_t count) {
        SgdRun part = run;
        part.parameters = copies[0];
        part.momentum = copies[1];
        part.gradient = run.gradient + first;
        part.count = count;
        rule_.simd().sgd(part);
      });
    });
    if (check.found()) *static_cast<int32_t*>(outputs[0]) = 1;
  }

 private:
  const SgdRule rule_;
};

}  // namespace

std::unique_ptr<Kernel> createSgd(const SnOpDesc& desc, Device& device) { return std::make_unique<Sgd>(desc, device); }

std::unique_ptr<Kernel> createSgdCheck(const SnOpDesc& desc, Device& device) {
  return std::make_unique<SgdCheck>(desc, device);
}

}  // namespace saturnn::cpu
