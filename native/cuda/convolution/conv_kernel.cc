// See conv_kernel.h.
#include "cuda/convolution/conv_kernel.h"

#include <algorithm>

#include "cuda/convolution/conv_choice.h"
#include "cuda/kernels/activation.h"
#include "cuda/kernels/common/sum_blocks.h"

namespace saturnn::cuda {
namespace {

class ConvForward : public SnKernel {
 public:
  ConvForward(SnDevice& device, std::unique_ptr<ConvRunner> runner) : SnKernel(device), runner_(std::move(runner)) {}
  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    runner_->run({inputs[0], inputs[1], outputs[0], static_cast<float*>(inputs[2]), nullptr}, scratch);
  }

 private:
  std::unique_ptr<ConvRunner> runner_;
};

class ConvDgrad : public SnKernel {
 public:
  ConvDgrad(SnDevice& device, std::unique_ptr<ConvRunner> runner) : SnKernel(device), runner_(std::move(runner)) {}
  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    runner_->run({outputs[0], inputs[1], inputs[0], nullptr, nullptr}, scratch);
  }

 private:
  std::unique_ptr<ConvRunner> runner_;
};

class ConvDgradActivation : public SnKernel {
 public:
  ConvDgradActivation(SnDevice& device, std::unique_ptr<ConvRunner> runner)
      : SnKernel(device), runner_(std::move(runner)) {}
  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    runner_->run({outputs[0], inputs[1], inputs[0], static_cast<float*>(outputs[1]), inputs[2]}, scratch);
  }

 private:
  std::unique_ptr<ConvRunner> runner_;
};

// The sums of dy use the same scratch as the convolution: enqueued work runs in order.
class ConvWgrad : public SnKernel {
 public:
  ConvWgrad(SnDevice& device, std::unique_ptr<ConvRunner> runner, const ConvTask& task)
      : SnKernel(device), runner_(std::move(runner)), task_(task) {}

  static int64_t sumBytes(const ConvTask& task) { return kSumBlocks * task.problem.o * int64_t{sizeof(float)}; }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    runner_->run({inputs[0], outputs[0], inputs[1], nullptr, nullptr}, scratch);
    if (!outputs[1]) return;
    const ConvProblem& p = task_.problem;
    const ConstRows dy{inputs[1], p.o, task_.images};
    launchChannelGradient(SN_NO_ACTIVATION, 0.0f, dy, dy, {nullptr, 0, task_.images}, static_cast<float*>(outputs[1]),
                          static_cast<float*>(scratch), p.n * p.oh * p.ow, p.o, device.stream());
  }

 private:
  std::unique_ptr<ConvRunner> runner_;
  ConvTask task_;
};

std::unique_ptr<ConvRunner> chooseFor(SnDevice& device, const SnOpDesc& op, const ConvTask& task) {
  return chooseRunner(device, task, op.options->autotune != 0);
}

}  // namespace

void requireConvOperands(ConvPass pass, const char* xName, const SnTensor& x, const char* wName, const SnTensor& w,
                         const char* yName, const SnTensor& y) {
  const auto requireWhole = [](const SnTensor& tensor, const char* name) {
    requireFloats(tensor, name);
    requireDense(tensor, name);
  };
  requireWhole(x, xName);
  requireWhole(w, wName);
  requireWhole(y, yName);
  requireSameDType(y, yName, x);
  if (w.dtype == SN_F32) return;
  if (pass == ConvPass::weightGradient) requireDType(w, wName, SN_F32);
  if (w.dtype != x.dtype) {
    refuse(wName, std::string("f32 weights or, as ") + xName + " is, " + dtypeName(x.dtype), describe(w));
  }
}

ConvTask makeConvTask(const SnOpDesc& op, const ConvProblem& problem, ConvPass pass, SnDType images, SnDType weights) {
  ConvTask task{problem, pass, images, weights, {}};
  task.allowTf32 = op.options->allow_tf32 != 0;
  task.deterministic = op.options->deterministic != 0;
  task.plain = op.options->plain != 0;
  return task;
}

KernelPointer makeConvForward(SnDevice& device, const SnOpDesc& op, const ConvTask& task, SnKernelInfo& info) {
  auto runner = chooseFor(device, op, task);
  setImplementation(info, runner->implementation(), runner->scratchBytes());
  return std::make_unique<ConvForward>(device, std::move(runner));
}

KernelPointer makeConvDgrad(SnDevice& device, const SnOpDesc& op, const ConvTask& task, SnKernelInfo& info) {
  auto runner = chooseFor(device, op, task);
  setImplementation(info, runner->implementation(), runner->scratchBytes());
  return std::make_unique<ConvDgrad>(device, std::move(runner));
}

KernelPointer makeConvDgradActivation(SnDevice& device, const SnOpDesc& op, const ConvTask& task, SnKernelInfo& info) {
  auto runner = chooseFor(device, op, task);
  setImplementation(info, runner->implementation(), runner->scratchBytes());
  return std::make_unique<ConvDgradActivation>(device, std::move(runner));
}

KernelPointer makeConvWgrad(SnDevice& device, const SnOpDesc& op, const ConvTask& task, SnKernelInfo& info) {
  const bool hasBias = isPresent(op.outputs[1]);
  if (hasBias) requireVector(op.outputs[1], "dbias", SN_F32, task.problem.o);
  auto runner = chooseFor(device, op, task);
  const int64_t scratch = std::max(runner->scratchBytes(), hasBias ? ConvWgrad::sumBytes(task) : 0);
  setImplementation(info, runner->implementation() + (hasBias ? "+saturnn:channelSum" : ""), scratch);
  return std::make_unique<ConvWgrad>(device, std::move(runner), task);
}

}  // namespace saturnn::cuda
