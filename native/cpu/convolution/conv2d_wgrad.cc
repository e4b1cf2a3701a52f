// conv2dWgrad: x [N,H,W,I], dy [N,OH,OW,O] -> dw [O,KH,KW,I], dbias? [O]. The gradients are f32 even for bf16 images,
// because they are sums over a whole batch.
#include <omp.h>

#include <algorithm>
#include <cstring>
#include <exception>

#include "cpu/convolution/convolution.h"
#include "cpu/convolution/depthwise_wgrad.h"
#include "cpu/convolution/tap_wgrad.h"
#include "cpu/geometry.h"
#include "cpu/kernel.h"
#include "cpu/storage.h"
#include "ops/attributes/convolution.h"

namespace saturnn::cpu {

namespace {

class Conv2dWgrad final : public PrimitiveKernel {
 public:
  Conv2dWgrad(const SnOpDesc& op, Device& device) : PrimitiveKernel(device) {
    const SnTensor &dw = op.outputs[0], &db = op.outputs[1];
    const auto attributes = attributesOf<ConvolutionAttributes>(op);
    const ConvolutionShape shape = convolutionShape(attributes, "x", op.inputs[0], "dw", dw, "dy", op.inputs[1]);
    dnnl::memory::desc bias;
    if (isPresent(db)) {
      bias = plainDesc("dbias", db, 1);
      requireShape(db, "dbias", {dw.shape[0]});
    }
    using Wgrad = dnnl::convolution_backward_weights;
    const ConvolutionShape computed = shapeOfWgrad(shape);
    const auto desc = chooseConvolution(computed, [&](const ConvolutionRequest& request) -> Wgrad::primitive_desc {
      const auto hint = forwardDesc(computed, request, bias, userScratchpad(), device.engine);
      if (!hint) return {};
      const Wgrad::desc wish(request.algorithm, request.x, anyLayout(shape.weights), bias, request.y, shape.strides,
                             shape.dilations, shape.padding, shape.paddingEnd);
      return {wish, userScratchpad(), device.engine, hint, true};
    });
    std::vector<Operand> destinations = {
        {DNNL_ARG_DIFF_WEIGHTS, {Place::Output, 0}, shape.weights, desc.diff_weights_desc()}};
    if (isPresent(db)) destinations.push_back({DNNL_ARG_DIFF_BIAS, {Place::Output, 1}, bias, bias});
    addPrimitive(desc,
                 {{DNNL_ARG_SRC, {Place::Input, 0}, shape.x, desc.src_desc()},
                  {DNNL_ARG_DIFF_DST, {Place::Input, 1}, shape.y, desc.diff_dst_desc()}},
                 destinations);
  }
};

// The gradient of bf16 images: one thread per part of the batch, then a sum of the parts in their order. The threads of
// oneDNN's own kernels spin at barriers to wait for each other. On cores that other processes use, they took 2 to 13
// times as long as this kernel (128 -> 160 channels, 3x3, stride 2); on idle cores about as long.
class Conv2dWgradInParts final : public Kernel {
 public:
  // Each part needs a copy of the weights in scratch, so their number is limited.
  static constexpr int mostParts = 8;

  // Invalid operands are left to Conv2dWgrad, which reports them.
  static bool suits(const SnOpDesc& op, const Device& device) {
    const SnTensor &x = op.inputs[0], &dy = op.inputs[1];
    return x.dtype == SN_BF16 && x.rank == 4 && dy.rank == 4 && dy.shape[0] == x.shape[0] && device.threads > 1 &&
           device.threads <= mostParts && x.shape[0] >= device.threads;
  }

  Conv2dWgradInParts(const SnOpDesc& op, Device& device)
      : simd_(*device.simd),
        weights_(elementCount(op.outputs[0])),
        biases_(isPresent(op.outputs[1]) ? elementCount(op.outputs[1]) : 0),
        chunks_(flatRows(weights_)) {
    const int64_t batch = op.inputs[0].shape[0];
    parts_.reserve(device.threads);  // kernels keep references to their devices
    omp_set_num_threads(1);
    for (int i = 0; i < device.threads; ++i) {
      const int64_t begin = batch * i / device.threads, end = batch * (i + 1) / device.threads;
      parts_.emplace_back(device);
      addPart(op, parts_.back(), begin, end, i > 0);
    }
    omp_set_num_threads(device.threads);
    setImplementation(parts_.front().kernel->info().implementation);
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    auto* bytes = static_cast<char*>(scratch);
    const auto count = static_cast<int>(parts_.size());
    float* weights[mostParts] = {static_cast<float*>(outputs[0])};
    float* biases[mostParts] = {static_cast<float*>(outputs[1])};
    for (int i = 1; i < count; ++i) {
      weights[i] = reinterpret_cast<float*>(bytes + parts_[i].weights);
      biases[i] = biases_ > 0 ? reinterpret_cast<float*>(bytes + parts_[i].biases) : nullptr;
    }
    std::exception_ptr failures[mostParts];
#pragma omp parallel for schedule(static, 1)
    for (int i = 0; i < count; ++i) {
      try {
        void* const partInputs[] = {static_cast<char*>(inputs[0]) + parts_[i].xOffset,
                                    static_cast<char*>(inputs[1]) + parts_[i].dyOffset};
        void* const partOutputs[] = {weights[i], biases[i]};
        parts_[i].kernel->launch(partInputs, partOutputs, bytes + parts_[i].scratch);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
    for (const std::exception_ptr& failure : failures) {
      if (failure) std::rethrow_exception(failure);
    }
    chunks_.forEach([&](const Chunks::Chunk& chunk) {
      const float* terms[mostParts];
      for (int i = 0; i < count; ++i) terms[i] = weights[i] + chunk.begin;
      simd_.add(terms, count, weights[0] + chunk.begin, chunk.end - chunk.begin);
    });
    if (biases_ > 0) simd_.add(biases, count, biases[0], biases_);
  }

 private:
  struct Part {
    explicit Part(const Device& whole) : device{1, whole.simd, whole.engine, dnnl::stream(whole.engine)} {}

    Device device;
    std::unique_ptr<Conv2dWgrad> kernel;
    int64_t xOffset = 0, dyOffset = 0;            // bytes
    size_t scratch = 0, weights = 0, biases = 0;  // offsets into the scratch; the first part sums into the outputs
  };

  void addPart(const SnOpDesc& op, Part& part, int64_t begin, int64_t end, bool needsSums) {
    SnTensor inputs[] = {op.inputs[0], op.inputs[1]};
    const auto imageBytes = [](const SnTensor& tensor) {
      return elementCount(tensor) / tensor.shape[0] * elementBytes(tensor.dtype);
    };
    part.xOffset = begin * imageBytes(inputs[0]);
    part.dyOffset = begin * imageBytes(inputs[1]);
    for (SnTensor& input : inputs) input.shape[0] = end - begin;
    SnOpDesc desc = op;
    desc.inputs = inputs;
    part.kernel = std::make_unique<Conv2dWgrad>(desc, part.device);
    part.scratch = reserveScratch(part.kernel->info().scratch_bytes);
    if (!needsSums) return;
    part.weights = reserveScratch(weights_ * sizeof(float));
    part.biases = reserveScratch(biases_ * sizeof(float));
  }

  const SimdTable& simd_;
  const int64_t weights_, biases_;
  const Chunks chunks_;
  std::vector<Part> parts_;
};

}  // namespace

std::unique_ptr<Kernel> createConv2dWgrad(const SnOpDesc& op, Device& device) {
  std::unique_ptr<Kernel> kernel;
  if (Conv2dWgradInParts::suits(op, device)) {
    kernel = std::make_unique<Conv2dWgradInParts>(op, device);
  } else {
    kernel = std::make_unique<Conv2dWgrad>(op, device);
  }
  // oneDNN's last resort is a matrix product per image and group, which is up to 50 times slower than what follows.
  if (std::strstr(kernel->info().implementation, "gemm") == nullptr) return kernel;
  if (isDepthwise(op)) return createDepthwiseWgrad(op, device);
  auto byTaps = createTapWgrad(op, device);
  return byTaps ? std::move(byTaps) : std::move(kernel);
}

}  // namespace saturnn::cpu
