// Makes the attribute structs of one family: the including file has set SN_FAMILY to that family's table. A family's
// sources include its own header only, so that a changed attribute recompiles that family and the tables of ops.
// Included several times, once per family: no #pragma once.
#include <stdint.h>

#define SN_STORED_i32 int32_t
#define SN_STORED_f32 float
#define SN_FIELD(type, name) SN_STORED_##type name;
#define SN_ATTRIBUTES(Struct, ...) \
  struct Struct##Attributes {      \
    __VA_ARGS__                    \
  };
#define SN_OP(...)

namespace saturnn {
#include SN_FAMILY
}  // namespace saturnn

#undef SN_FAMILY
#undef SN_STORED_i32
#undef SN_STORED_f32
#undef SN_FIELD
#undef SN_ATTRIBUTES
#undef SN_OP
