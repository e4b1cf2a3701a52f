// The attribute structs of scaling.def.
#pragma once

#define SN_FAMILY "ops/scaling.def"
#include "ops/attributes.h"
