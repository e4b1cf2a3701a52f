#include "cpu/onednn/fused_activation.h"

#include "cpu/kernel.h"

namespace saturnn::cpu {

using dnnl::algorithm;

namespace {

// eltwise_relu with slope 0 is a maximum, which turns NaN into 0. An elu with slope 0 is the same function, computed
// with a comparison, so NaN stays NaN.
void appendLeakyRelu(dnnl::post_ops& ops, float slope) {
  ops.append_eltwise(1.0f, slope == 0.0f ? algorithm::eltwise_elu : algorithm::eltwise_relu, slope, 0.0f);
}

}  // namespace

dnnl::post_ops activationPostOps(OneDnnActivation way, float slope) {
  dnnl::post_ops ops;
  switch (way) {
    case OneDnnActivation::none: throw Error("ERR_INTERNAL", "an activation without post-ops is not fused");
    case OneDnnActivation::logistic: ops.append_eltwise(1.0f, algorithm::eltwise_logistic, 0.0f, 0.0f); break;
    // 2 tanh(x / 2) is exact near 0, where 4 logistic(x) - 2 cancels. The factor 2 is the post-op's own scale, because
    // oneDNN 2.6 confuses the parameters of two post-ops of the same kind.
    case OneDnnActivation::scaledTanh:
      ops.append_eltwise(1.0f, algorithm::eltwise_linear, 0.5f, 0.0f);
      ops.append_eltwise(2.0f, algorithm::eltwise_tanh, 0.0f, 0.0f);
      break;
    case OneDnnActivation::tanh: ops.append_eltwise(1.0f, algorithm::eltwise_tanh, 0.0f, 0.0f); break;
    case OneDnnActivation::leakyTanh:
      ops.append_eltwise(1.0f, algorithm::eltwise_tanh, 0.0f, 0.0f);
      appendLeakyRelu(ops, slope);
      break;
    case OneDnnActivation::relu: appendLeakyRelu(ops, 0.0f); break;
    case OneDnnActivation::leakyRelu: appendLeakyRelu(ops, slope); break;
  }
  return ops;
}

}  // namespace saturnn::cpu
