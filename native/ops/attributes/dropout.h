// The attribute structs of dropout.def.
#pragma once

#define SN_FAMILY "ops/dropout.def"
#include "ops/attributes.h"
