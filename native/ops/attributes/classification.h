// The attribute structs of classification.def.
#pragma once

#define SN_FAMILY "ops/classification.def"
#include "ops/attributes.h"
