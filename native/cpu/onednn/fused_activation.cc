#include "cpu/onednn/fused_activation.h"

#include <string>

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

bool hasPostOps(int kind) { return kind != SN_ELU; }

dnnl::post_ops activationPostOps(int kind, float slope) {
  dnnl::post_ops ops;
  switch (kind) {
    case SN_SIGMOID: ops.append_eltwise(1.0f, algorithm::eltwise_logistic, 0.0f, 0.0f); return ops;
    // 2 tanh(x / 2) is exact near 0, where 4 logistic(x) - 2 cancels. The factor 2 is the post-op's own scale, because
    // oneDNN 2.6 confuses the parameters of two post-ops of the same kind.
    case SN_SCALED_SIGMOID:
      ops.append_eltwise(1.0f, algorithm::eltwise_linear, 0.5f, 0.0f);
      ops.append_eltwise(2.0f, algorithm::eltwise_tanh, 0.0f, 0.0f);
      return ops;
    case SN_TANH: ops.append_eltwise(1.0f, algorithm::eltwise_tanh, 0.0f, 0.0f); return ops;
    case SN_LEAKY_TANH:
      ops.append_eltwise(1.0f, algorithm::eltwise_tanh, 0.0f, 0.0f);
      appendLeakyRelu(ops, slope);
      return ops;
    case SN_RELU: appendLeakyRelu(ops, 0.0f); return ops;
    case SN_LEAKY_RELU: appendLeakyRelu(ops, slope); return ops;
    default:
      throw Error("ERR_INVALID_ARGUMENT",
                  "Expected an activation that has post-ops but received " + std::to_string(kind));
  }
}

}  // namespace saturnn::cpu
