// Reads a PlanDescription of lib/runtime/native.ts and checks types and number ranges; validate.h checks their meaning.
#pragma once

#include <napi.h>

#include "core/plan/description.h"

namespace saturnn {

PlanDescription readPlanDescription(const Napi::Value& value);

}  // namespace saturnn
