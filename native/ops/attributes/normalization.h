// The attribute structs of normalization.def.
#pragma once

#define SN_FAMILY "ops/normalization.def"
#include "ops/attributes.h"
