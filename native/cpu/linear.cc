// The fully connected layer and its two gradients, as oneDNN inner products:
//   linear:      x [N,I], w [O,I], bias? [O] -> y [N,O]
//   linearDgrad: dy [N,O], w [O,I]           -> dx [N,I]
//   linearWgrad: x [N,I], dy [N,O]           -> dw [O,I], dbias? [O]
#include <utility>

#include "cpu/kernel.h"
#include "cpu/onednn/onednn.h"

namespace saturnn::cpu {

namespace {

using dnnl::inner_product_backward_data;
using dnnl::inner_product_backward_weights;
using dnnl::inner_product_forward;
using dnnl::memory;

struct LinearShape {
  memory::desc x, weights, y, bias;  // bias: a zero descriptor if there is none

  LinearShape(const char* xName, const SnTensor& xTensor, const char* weightsName, const SnTensor& weightsTensor,
              const char* yName, const SnTensor& yTensor)
      : x(plainDesc(xName, xTensor, 2)),
        weights(plainDesc(weightsName, weightsTensor, 2)),
        y(plainDesc(yName, yTensor, 2)) {
    const memory::dims expected{y.dims()[1], x.dims()[1]};
    if (weights.dims() != expected) refuse(weightsName, "shape " + dimsText(expected), dimsText(weights.dims()));
    require(x.dims()[0] == y.dims()[0], std::string("Expected the same batch for ") + xName + " and " + yName +
                                            " but received " + dimsText(x.dims()) + " and " + dimsText(y.dims()));
  }

  void addBias(const char* name, const SnTensor& tensor) {
    if (!isPresent(tensor)) return;
    bias = plainDesc(name, tensor, 1);
    if (bias.dims()[0] != y.dims()[1]) {
      refuse(name, "shape [" + std::to_string(y.dims()[1]) + "]", dimsText(bias.dims()));
    }
  }

  bool hasBias() const { return !bias.is_zero(); }
};

// Tries plain tensors first: the layer is small, and reordering its weights takes as long as it saves.
template <typename Make>
auto chooseLinear(const LinearShape& shape, const Make& make) {
  LinearShape free = shape;
  free.x = anyLayout(shape.x);
  free.weights = anyLayout(shape.weights);
  free.y = anyLayout(shape.y);
  auto desc = make(shape);
  if (desc && !isReference(desc.impl_info_str())) return desc;
  auto other = make(free);
  if (other && (!desc || !isReference(other.impl_info_str()))) return other;
  if (!desc) {
    throw Error("ERR_UNSUPPORTED", "oneDNN has no implementation for weights " + dimsText(shape.weights.dims()));
  }
  return desc;
}

inner_product_forward::primitive_desc forwardDesc(const LinearShape& shape, const dnnl::engine& engine) {
  const inner_product_forward::desc desc(dnnl::prop_kind::forward_training, shape.x, shape.weights, shape.bias,
                                         shape.y);
  return {desc, userScratchpad(), engine, true};
}

class Linear : public PrimitiveKernel {
 public:
  Linear(const SnOpDesc& op, Device& device) : PrimitiveKernel(device) {
    LinearShape shape("x", op.inputs[0], "w", op.inputs[1], "y", op.outputs[0]);
    shape.addBias("bias", op.inputs[2]);
    const auto desc = chooseLinear(shape, [&](const LinearShape& wish) { return forwardDesc(wish, device.engine); });
    std::vector<Operand> sources = {{DNNL_ARG_SRC, {Place::Input, 0}, shape.x, desc.src_desc()},
                                    {DNNL_ARG_WEIGHTS, {Place::Input, 1}, shape.weights, desc.weights_desc()}};
    if (shape.hasBias()) sources.push_back({DNNL_ARG_BIAS, {Place::Input, 2}, shape.bias, shape.bias});
    addPrimitive(desc, sources, {{DNNL_ARG_DST, {Place::Output, 0}, shape.y, desc.dst_desc()}});
  }
};

class LinearDgrad : public PrimitiveKernel {
 public:
  LinearDgrad(const SnOpDesc& op, Device& device) : PrimitiveKernel(device) {
    const LinearShape shape("dx", op.outputs[0], "w", op.inputs[1], "dy", op.inputs[0]);
    using Dgrad = inner_product_backward_data;
    const auto desc = chooseLinear(shape, [&](const LinearShape& wish) -> Dgrad::primitive_desc {
      const auto hint = forwardDesc(wish, device.engine);
      if (!hint) return {};
      return {Dgrad::desc(wish.x, wish.weights, wish.y), userScratchpad(), device.engine, hint, true};
    });
    addPrimitive(desc,
                 {{DNNL_ARG_DIFF_DST, {Place::Input, 0}, shape.y, desc.diff_dst_desc()},
                  {DNNL_ARG_WEIGHTS, {Place::Input, 1}, shape.weights, desc.weights_desc()}},
                 {{DNNL_ARG_DIFF_SRC, {Place::Output, 0}, shape.x, desc.diff_src_desc()}});
  }
};

class LinearWgrad : public PrimitiveKernel {
 public:
  LinearWgrad(const SnOpDesc& op, Device& device) : PrimitiveKernel(device) {
    LinearShape shape("x", op.inputs[0], "dw", op.outputs[0], "dy", op.inputs[1]);
    shape.addBias("dbias", op.outputs[1]);
    using Wgrad = inner_product_backward_weights;
    const auto desc = chooseLinear(shape, [&](const LinearShape& wish) -> Wgrad::primitive_desc {
      const auto hint = forwardDesc(wish, device.engine);
      if (!hint) return {};
      return {Wgrad::desc(wish.x, wish.weights, wish.bias, wish.y), userScratchpad(), device.engine, hint, true};
    });
    std::vector<Operand> destinations = {
        {DNNL_ARG_DIFF_WEIGHTS, {Place::Output, 0}, shape.weights, desc.diff_weights_desc()}};
    if (shape.hasBias()) destinations.push_back({DNNL_ARG_DIFF_BIAS, {Place::Output, 1}, shape.bias, shape.bias});
    addPrimitive(desc,
                 {{DNNL_ARG_SRC, {Place::Input, 0}, shape.x, desc.src_desc()},
                  {DNNL_ARG_DIFF_DST, {Place::Input, 1}, shape.y, desc.diff_dst_desc()}},
                 destinations);
  }
};

}  // namespace

std::unique_ptr<Kernel> createLinear(const SnOpDesc& op, Device& device) {
  return std::make_unique<Linear>(op, device);
}

std::unique_ptr<Kernel> createLinearDgrad(const SnOpDesc& op, Device& device) {
  return std::make_unique<LinearDgrad>(op, device);
}

std::unique_ptr<Kernel> createLinearWgrad(const SnOpDesc& op, Device& device) {
  return std::make_unique<LinearWgrad>(op, device);
}

}  // namespace saturnn::cpu
