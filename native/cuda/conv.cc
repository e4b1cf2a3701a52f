// conv2d, conv2dDgrad and conv2dWgrad: cuDNN computes the convolution, our own kernels add the bias and activate in
// place, or sum the bias gradient.
//
// Why cuDNN's kernel does not do bias and activation: in strict f32 every engine that is compiled at run time uses
// tensor cores (TF32), and of the precompiled ones only a fallback takes any activation and is noted to pass NaN on.
// The pass in place reads and writes the tensor once more, and keeps one arithmetic for all backends.
#include "check.h"
#include "cudnn_graph.h"
#include "ops.h"

namespace saturnn {
namespace {

constexpr int64_t kAlignment = 256;

int64_t alignUp(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

ConvProblem problemOf(const SnOpDesc& op, const char* xName, const SnTensor& x, const char* wName, const SnTensor& w,
                      const char* yName, const SnTensor& y) {
  const auto attributes = attributesOf<SnConvAttributes>(op);
  requireDense(op, xName, x);
  requireDense(op, wName, w);
  requireDense(op, yName, y);
  if (x.rank != 4) refuse(op, xName, "an image [batch, height, width, channels]", shapeText(x));
  if (w.rank != 4 || w.shape[3] != x.shape[3]) {
    refuse(op, wName, "weights [out, height, width, " + std::to_string(x.shape[3]) + "]", shapeText(w));
  }
  const auto outputLength = [](int64_t length, int64_t pad, int64_t kernel, int64_t stride) {
    return (length + 2 * pad - kernel) / stride + 1;
  };
  if (attributes.stride_h < 1 || attributes.stride_w < 1 || attributes.pad_h < 0 || attributes.pad_w < 0) {
    refuse(op, "stride and padding", "strides of at least 1 and paddings of at least 0",
           std::to_string(attributes.stride_h) + ", " + std::to_string(attributes.stride_w) + " and " +
               std::to_string(attributes.pad_h) + ", " + std::to_string(attributes.pad_w));
  }
  // The division below rounds towards 0, so a kernel that fits nowhere could seem to give one pixel.
  const int64_t paddedHeight = x.shape[1] + int64_t{2} * attributes.pad_h;
  const int64_t paddedWidth = x.shape[2] + int64_t{2} * attributes.pad_w;
  if (w.shape[1] > paddedHeight || w.shape[2] > paddedWidth) {
    refuse(op, wName, "a kernel within " + std::to_string(paddedHeight) + "x" + std::to_string(paddedWidth) + " pixels",
           shapeText(w));
  }
  ConvProblem problem{
      x.shape[0], x.shape[1], x.shape[2],          x.shape[3],          w.shape[0],       w.shape[1],      w.shape[2],
      0,          0,          attributes.stride_h, attributes.stride_w, attributes.pad_h, attributes.pad_w};
  problem.oh = outputLength(problem.h, problem.padH, problem.kh, problem.strideH);
  problem.ow = outputLength(problem.w, problem.padW, problem.kw, problem.strideW);
  requireShape(op, yName, y, {problem.n, problem.oh, problem.ow, problem.o});
  return problem;
}

// cuDNN's plans want 16-byte alignment. Images have it; weights and their gradient lie anywhere in the State's arena,
// so where they do not, they take the way through scratch.
class ConvKernel : public SnKernel {
 public:
  ConvKernel(SnDevice& device, const ConvProblem& problem, ConvPass pass, int64_t extraScratch)
      : SnKernel(device),
        problem_(problem),
        plan_(device.graphTarget(), problem, pass, ConvPolicy{}),
        extraScratch_(alignUp(extraScratch)) {}

  int64_t scratchBytes() const {
    return alignUp(plan_.workspaceBytes()) + alignUp(weightBytes()) + extraScratch_ + kAlignment;
  }
  std::string implementation() const { return plan_.name(); }

 protected:
  struct Scratch {
    char* workspace;
    char* weights;
    char* extra;
  };

  Scratch divide(void* scratch) const {
    char* start = reinterpret_cast<char*>(alignUp(reinterpret_cast<int64_t>(scratch)));
    char* weights = start + alignUp(plan_.workspaceBytes());
    return {start, weights, weights + alignUp(weightBytes())};
  }

  static bool isAligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }
  size_t weightBytes() const { return static_cast<size_t>(problem_.o * problem_.kh * problem_.kw * problem_.c) * 4; }

  void* alignedWeights(void* w, const Scratch& scratch) const {
    if (isAligned(w)) return w;
    copyWeights(scratch.weights, w);
    return scratch.weights;
  }

  void copyWeights(void* target, const void* source) const {
    checkCuda(cudaMemcpyAsync(target, source, weightBytes(), cudaMemcpyDeviceToDevice, device.stream()),
              "copying the weights of a convolution");
  }

  void execute(void* x, void* w, void* y, const Scratch& scratch) const {
    if (!isAligned(x) || !isAligned(y))
      throw Error("ERR_INTERNAL", "an image of a convolution is not 16-byte aligned");
    plan_.execute(device.cudnn(), x, w, y, scratch.workspace);
  }

  ConvProblem problem_;
  ConvPlan plan_;

 private:
  int64_t extraScratch_;
};

class Conv2d : public ConvKernel {
 public:
  Conv2d(SnDevice& device, const ConvProblem& problem, const SnConvAttributes& attributes)
      : ConvKernel(device, problem, ConvPass::forward, 0),
        activation_(attributes.activation),
        slope_(attributes.slope) {}

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const Scratch parts = divide(scratch);
    execute(inputs[0], alignedWeights(inputs[1], parts), outputs[0], parts);
    const auto* bias = static_cast<const float*>(inputs[2]);
    if (!bias && activation_ == SN_NO_ACTIVATION) return;
    auto* y = static_cast<float*>(outputs[0]);
    launchChannelMap(activation_, slope_, {y, problem_.o, SN_F32}, bias, {y, problem_.o, SN_F32},
                     problem_.n * problem_.oh * problem_.ow, problem_.o, device.stream());
  }

 private:
  int activation_;
  float slope_;
};

class Conv2dDgrad : public ConvKernel {
 public:
  Conv2dDgrad(SnDevice& device, const ConvProblem& problem) : ConvKernel(device, problem, ConvPass::dataGradient, 0) {}

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const Scratch parts = divide(scratch);
    execute(outputs[0], alignedWeights(inputs[1], parts), inputs[0], parts);
  }
};

class Conv2dWgrad : public ConvKernel {
 public:
  Conv2dWgrad(SnDevice& device, const ConvProblem& problem)
      : ConvKernel(device, problem, ConvPass::weightGradient, kSumBlocks * problem.o * int64_t{sizeof(float)}) {}

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    const Scratch parts = divide(scratch);
    void* dw = isAligned(outputs[0]) ? outputs[0] : parts.weights;
    execute(inputs[0], dw, inputs[1], parts);
    if (dw != outputs[0]) copyWeights(outputs[0], dw);
    if (!outputs[1]) return;
    const ConstRows dy{inputs[1], problem_.o, SN_F32};
    launchChannelGradient(SN_NO_ACTIVATION, 0.0f, dy, dy, {nullptr, 0, SN_F32}, static_cast<float*>(outputs[1]),
                          reinterpret_cast<float*>(parts.extra), problem_.n * problem_.oh * problem_.ow, problem_.o,
                          device.stream());
  }
};

template <class Kernel>
KernelPointer finish(std::unique_ptr<Kernel> kernel, SnKernelInfo& info, const char* suffix) {
  setImplementation(info, kernel->implementation() + suffix, kernel->scratchBytes());
  return kernel;
}

}  // namespace

KernelPointer createConv2d(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const auto attributes = attributesOf<SnConvAttributes>(op);
  const ConvProblem problem = problemOf(op, "x", op.inputs[0], "w", op.inputs[1], "y", op.outputs[0]);
  const bool hasBias = isPresent(op.inputs[2]);
  if (hasBias) {
    requireDense(op, "bias", op.inputs[2]);
    requireShape(op, "bias", op.inputs[2], {problem.o});
  }
  if (attributes.activation < SN_NO_ACTIVATION || attributes.activation >= SN_ACTIVATION_COUNT) {
    refuse(op, "activation", "an activation's id", std::to_string(attributes.activation));
  }
  const bool second = hasBias || attributes.activation != SN_NO_ACTIVATION;
  return finish(std::make_unique<Conv2d>(device, problem, attributes), info, second ? "+saturnn:channelMap" : "");
}

KernelPointer createConv2dDgrad(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const ConvProblem problem = problemOf(op, "dx", op.outputs[0], "w", op.inputs[1], "dy", op.inputs[0]);
  return finish(std::make_unique<Conv2dDgrad>(device, problem), info, "");
}

KernelPointer createConv2dWgrad(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const ConvProblem problem = problemOf(op, "x", op.inputs[0], "dw", op.outputs[0], "dy", op.inputs[1]);
  const bool hasBias = isPresent(op.outputs[1]);
  if (hasBias) {
    requireDense(op, "dbias", op.outputs[1]);
    requireShape(op, "dbias", op.outputs[1], {problem.o});
  }
  return finish(std::make_unique<Conv2dWgrad>(device, problem), info, hasBias ? "+saturnn:channelSum" : "");
}

}  // namespace saturnn
