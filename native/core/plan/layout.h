// Chooses the layout of a plan's images and inserts the copies that convert. All activations of a plan have ONE layout;
// its inputs, outputs, constants and the State are always plain (NHWC).
#pragma once

#include "core/plan/description.h"

namespace saturnn {

struct LaidOutPlan {
  // The plan with the inserted `copy` nodes; the tensors that they use are appended.
  PlanDescription plan;
  std::vector<SnLayout> layouts;  // by tensor
};

// `plan` must have passed validatePlan().
LaidOutPlan layOut(PlanDescription plan, bool prefersBlockedImages);

}  // namespace saturnn
