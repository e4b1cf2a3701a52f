// The attribute structs of convolution.def.
#pragma once

#define SN_FAMILY "ops/convolution.def"
#include "ops/attributes.h"
