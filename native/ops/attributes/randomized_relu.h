// The attribute structs of randomized_relu.def.
#pragma once

#define SN_FAMILY "ops/randomized_relu.def"
#include "ops/attributes.h"
