// conv2dDgradActivation: dy [N,OH,OW,O], w [O,KH,KW,I], y [N,H,W,I] -> dx [N,H,W,I], dbias? [I]. Runs the kernels of
// conv2dDgrad and activationGradient one after the other, the second in place. They share one scratch.
#include <algorithm>

#include "cpu/device/device.h"
#include "cpu/kernel.h"
#include "ops/attributes/activation.h"
#include "ops/attributes/convolution.h"

namespace saturnn::cpu {

CreateKernel createConv2dDgrad, createActivationGradient;

namespace {

class Conv2dDgradActivation final : public Kernel {
 public:
  Conv2dDgradActivation(const SnOpDesc& op, Device& device) {
    const auto attributes = attributesOf<ConvolutionAttributes>(op);
    const ActivationAttributes activation{attributes.activation, attributes.slope};
    SnOpDesc dgrad = op;
    dgrad.name = "conv2dDgrad";
    dgrad.input_count = 2;
    dgrad.output_count = 1;
    dgrad_ = createConv2dDgrad(dgrad, device);

    const SnTensor inputs[] = {op.outputs[0], op.inputs[2]};
    SnOpDesc gradient = op;
    gradient.name = "activationGradient";
    gradient.attributes = &activation;
    gradient.attribute_bytes = sizeof activation;
    gradient.inputs = inputs;
    gradient.input_count = 2;
    gradient_ = createActivationGradient(gradient, device);

    const auto scratchOf = [](const Kernel& kernel) { return static_cast<size_t>(kernel.info().scratch_bytes); };
    reserveScratch(std::max(scratchOf(*dgrad_), scratchOf(*gradient_)));
    setImplementation(std::string(dgrad_->info().implementation) + "+" + gradient_->info().implementation);
  }

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    dgrad_->launch(inputs, outputs, scratch);
    // Three, as this kernel has, or the compiler warns, because it also considers a recursive call of this class.
    void* const gradientInputs[3] = {outputs[0], inputs[2]};
    gradient_->launch(gradientInputs, outputs, scratch);
  }

 private:
  std::unique_ptr<Kernel> dgrad_, gradient_;
};

}  // namespace

std::unique_ptr<Kernel> createConv2dDgradActivation(const SnOpDesc& op, Device& device) {
  return std::make_unique<Conv2dDgradActivation>(op, device);
}

}  // namespace saturnn::cpu
