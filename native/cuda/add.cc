// add: the sum of two to eight tensors of one shape.
#include <vector>

#include "ops.h"

namespace saturnn {
namespace {

class Add : public SnKernel {
 public:
  Add(SnDevice& device, const SnOpDesc& op)
      : SnKernel(device), inputs_(op.inputs, op.inputs + op.input_count), y_(op.outputs[0]) {}

  void launch(void* const* inputs, void* const* outputs, void*) override {
    Addends addends{};
    for (size_t i = 0; i < inputs_.size(); ++i) addends.inputs[i] = constRows(inputs_[i], inputs[i]);
    launchAdd(addends, static_cast<int>(inputs_.size()), rows(y_, outputs[0]), rowCount(y_), channelCount(y_),
              device.stream());
  }

 private:
  std::vector<SnTensor> inputs_;
  SnTensor y_;
};

}  // namespace

KernelPointer createAdd(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  requireFloats(op, "y", op.outputs[0]);
  for (int i = 0; i < op.input_count; ++i) {
    const std::string argument = "input " + std::to_string(i);
    requireLike(op, argument.c_str(), op.inputs[i], op.outputs[0]);
  }
  setImplementation(info, "saturnn:add");
  return std::make_unique<Add>(device, op);
}

}  // namespace saturnn
