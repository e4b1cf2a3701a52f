// The checks of the operands of elementLoss and its gradient, for both backends.
#pragma once

#include "ops/attributes/losses.h"
#include "shared/checks.h"
#include "shared/losses.h"

namespace saturnn {

// `target` may be absent for `itself`; `labels` and `weights` may be absent.
[[gnu::noinline]] inline LossShape requireLoss(const SnOpDesc& op, const SnTensor& labels, const SnTensor& weights) {
  const int32_t kind = attributesOf<ElementLossAttributes>(op).kind;
  if (kind < 0 || kind >= lossKindCount) refuse("kind", "an id of a loss", std::to_string(kind));
  const SnTensor &prediction = op.inputs[0], &target = op.inputs[1];
  requireDense(prediction, "prediction", SN_F32);
  if (static_cast<LossKind>(kind) != LossKind::itself) {
    requireDense(target, "target", SN_F32);
    requireSameShape(target, "target", prediction);
  }
  const int64_t rows = prediction.shape[0];
  if (isPresent(labels)) requireVector(labels, "labels", SN_I32, rows);
  if (isPresent(weights)) requireVector(weights, "weights", SN_F32, rows);
  return {static_cast<LossKind>(kind), rows, elementCount(prediction) / rows};
}

}  // namespace saturnn
