// The table of every op, as a backend exports it (SnBackend::ops); for the one source of a backend that has the table.
#pragma once

#include "shared/backend.h"

namespace saturnn {

struct AttributeList {
  const SnField* fields;
  int32_t count;
  bool variable;
};

constexpr AttributeList kNoneAttributes{nullptr, 0, false};
constexpr AttributeList kVariableAttributes{nullptr, 0, true};

#define SN_TYPE_i32 SN_I32
#define SN_TYPE_f32 SN_F32
#define SN_FIELD(type, name) {#name, SN_TYPE_##type},
#define SN_ATTRIBUTES(Struct, ...)                       \
  constexpr SnField k##Struct##Fields[] = {__VA_ARGS__}; \
  constexpr AttributeList k##Struct##Attributes{k##Struct##Fields, sizeof k##Struct##Fields / sizeof(SnField), false};
#include "ops.def"
#undef SN_TYPE_i32
#undef SN_TYPE_f32

// Every field is 4 bytes.
constexpr SnOpInfo opInfo(const char* name, const AttributeList& list, int32_t least, int32_t most, int32_t outputs) {
  return {name, 4 * static_cast<size_t>(list.count), list.fields, list.count, list.variable, least, most, outputs};
}

#define SN_OP(name, Factory, Struct, least, most, outputs) opInfo(#name, k##Struct##Attributes, least, most, outputs),
constexpr SnOpInfo kOpInfos[] = {
#include "ops.def"
};
constexpr int32_t kOpCount = sizeof kOpInfos / sizeof *kOpInfos;

}  // namespace saturnn
