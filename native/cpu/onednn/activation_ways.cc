#include "cpu/onednn/activation_ways.h"

#include "cpu/kernel.h"

namespace saturnn::cpu {
namespace {

constexpr OneDnnActivation ways[] = {
#define SN_ACTIVATION(kind, saved, f, derivative, oneDnn, cudnn) OneDnnActivation::oneDnn,
#include "activations.def"
};
constexpr int wayCount = sizeof ways / sizeof *ways;

}  // namespace

OneDnnActivation oneDnnActivation(int kind) {
  require(kind >= 0 && kind < wayCount, "Expected an activation but received kind " + std::to_string(kind));
  return ways[kind];
}

}  // namespace saturnn::cpu
