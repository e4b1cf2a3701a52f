// dropout: the random numbers depend on seed, step and element.
#include "ops/attributes/dropout.h"

#include "cuda/kernel.h"

namespace saturnn::cuda {

// Defined in kernels/dropout.cu. counter = {seed, step}; see ops/dropout.def. y may be x.
void launchDropout(ConstRows x, const uint32_t* counter, int32_t stream, float rate, Rows y, int64_t rows,
                   int64_t channels, cudaStream_t cudaStream);

namespace {

class Dropout : public SnKernel {
 public:
  Dropout(SnDevice& device, const SnOpDesc& op, const DropoutAttributes& attributes)
      : SnKernel(device), attributes_(attributes), x_(op.inputs[0]), y_(op.outputs[0]) {}

  void launch(void* const* inputs, void* const* outputs, void*) override {
    launchDropout(constRows(x_, inputs[0]), static_cast<const uint32_t*>(inputs[1]), attributes_.stream,
                  attributes_.rate, rows(y_, outputs[0]), rowCount(x_), channelCount(x_), device.stream());
  }

 private:
  DropoutAttributes attributes_;
  SnTensor x_, y_;
};

}  // namespace

KernelPointer createDropout(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const auto attributes = attributesOf<DropoutAttributes>(op);
  const SnTensor& x = op.inputs[0];
  requireFloats(x, "x");
  if (elementCount(x) > INT32_MAX) refuse("x", "fewer than 2^31 elements", describe(x));
  requireVector(op.inputs[1], "counter", SN_I32, 2);
  requireLike(op.outputs[0], "y", x);
  if (!(attributes.rate >= 0.0f && attributes.rate < 1.0f)) {
    refuse("rate", "at least 0 and less than 1", std::to_string(attributes.rate));
  }
  setImplementation(info, "saturnn:dropout");
  return std::make_unique<Dropout>(device, op, attributes);
}

}  // namespace saturnn::cuda
