// The attribute structs of data.def.
#pragma once

#define SN_FAMILY "ops/data.def"
#include "ops/attributes.h"
