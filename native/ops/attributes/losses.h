// The attribute structs of losses.def.
#pragma once

#define SN_FAMILY "ops/losses.def"
#include "ops/attributes.h"
