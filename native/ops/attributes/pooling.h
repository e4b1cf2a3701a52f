// The attribute structs of pooling.def.
#pragma once

#define SN_FAMILY "ops/pooling.def"
#include "ops/attributes.h"
