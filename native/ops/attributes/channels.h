// The attribute structs of channels.def.
#pragma once

#define SN_FAMILY "ops/channels.def"
#include "ops/attributes.h"
