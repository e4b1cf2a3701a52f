// The attribute structs of activation.def.
#pragma once

#define SN_FAMILY "ops/activation.def"
#include "ops/attributes.h"
