// A backend's op table as JSON, for probes: what a library has although no device opens.
#pragma once

#include "shared/json.h"

namespace saturnn {

// {"conv2d": {"fields": [["strideH", "i32"], ...], "attributeBytes": 24, "variableAttributes": false, "inputs": [3, 3],
// "outputs": 1}, ...}, as the NativeOp of lib/runtime/native.ts says it.
inline std::string opsJson(const SnOpInfo* ops, int32_t count) {
  std::string table;
  for (const SnOpInfo* op = ops; op != ops + count; ++op) {
    std::string fields;
    for (const SnField* field = op->fields; field != op->fields + op->field_count; ++field) {
      fields += (fields.empty() ? "[" : ",[") + jsonString(field->name) + ",\"" + dtypeName(field->type) + "\"]";
    }
    table += (table.empty() ? "" : ",") + jsonString(op->name) + ":{\"fields\":[" + fields +
             "],\"attributeBytes\":" + std::to_string(op->attribute_bytes) +
             ",\"variableAttributes\":" + (op->variable_attributes ? "true" : "false") + ",\"inputs\":[" +
             std::to_string(op->least_inputs) + "," + std::to_string(op->most_inputs) +
             "],\"outputs\":" + std::to_string(op->outputs) + "}";
  }
  return "{" + table + "}";
}

}  // namespace saturnn
