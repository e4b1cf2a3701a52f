// The attribute structs of update.def.
#pragma once

#define SN_FAMILY "ops/update.def"
#include "ops/attributes.h"
