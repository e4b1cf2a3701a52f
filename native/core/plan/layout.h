// Decides the layout of a plan's images and inserts the copies that convert: ONE layout for the activations of a plan,
// plain (NHWC) at its borders, which are its inputs, its outputs, its constants and the State.
#pragma once

#include "core/plan/description.h"

namespace saturnn {

struct LaidOutPlan {
  // With `copy` nodes, and with the tensors that they read and write appended.
  PlanDescription plan;
  std::vector<SnLayout> layouts;  // by tensor
};

// `plan` has passed validatePlan().
LaidOutPlan layOut(PlanDescription plan, bool prefersBlockedImages);

}  // namespace saturnn
