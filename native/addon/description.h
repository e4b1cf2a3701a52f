// Reads a PlanDescription of lib/native.ts. Types and ranges of numbers are checked here, what they mean in validate.h.
#pragma once

#include <napi.h>

#include "core/plan/description.h"

namespace saturnn {

PlanDescription readPlanDescription(const Napi::Value& value);

}  // namespace saturnn
