// moments: mean and variance of all elements of a tensor.
#include "ops.h"

namespace saturnn {
namespace {

class Moments : public SnKernel {
 public:
  Moments(SnDevice& device, const SnOpDesc& op) : SnKernel(device), x_(op.inputs[0]) {}

  void launch(void* const* inputs, void* const* outputs, void* scratch) override {
    launchMoments(constRows(x_, inputs[0]), rowCount(x_), channelCount(x_), static_cast<float*>(outputs[0]), scratch,
                  device.stream());
  }

 private:
  SnTensor x_;
};

}  // namespace

KernelPointer createMoments(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireFloats(op, "x", op.inputs[0]);
  requireVector(op, "moments", op.outputs[0], 2);
  setImplementation(info, "saturnn:moments", momentsScratch());
  return std::make_unique<Moments>(device, op);
}

}  // namespace saturnn
