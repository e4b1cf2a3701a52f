#include "addon/description.h"

#include "addon/values.h"

namespace saturnn {
namespace {

constexpr int64_t kMaxOffset = int64_t{1} << 53;

std::string item(const std::string& list, uint32_t i) { return list + "[" + std::to_string(i) + "]"; }

SnDType readDType(const Napi::Value& value, const std::string& argument) {
  const std::string name = value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
  for (const DTypeRow& row : dtypeRows) {
    if (name == row.name) return row.dtype;
  }
  throwInvalid(argument, "'f32', 'i32', 'u8', 'bf16' or 'f16'", value);
}

std::vector<int> readIds(const Napi::Value& value, const std::string& argument) {
  const Napi::Array array = readArray(value, argument);
  std::vector<int> ids;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    ids.push_back(static_cast<int>(readInteger(array.Get(i), item(argument, i), kAbsent, INT32_MAX)));
  }
  return ids;
}

TensorDescription readTensor(const Napi::Value& value, const std::string& argument) {
  const Napi::Object object = readObject(value, argument);
  TensorDescription tensor;
  tensor.dtype = readDType(object.Get("dtype"), argument + ".dtype");
  const Napi::Array shape = readArray(object.Get("shape"), argument + ".shape");
  for (uint32_t i = 0; i < shape.Length(); ++i) {
    tensor.shape.push_back(readInteger(shape.Get(i), item(argument + ".shape", i), 0, kMaxOffset));
  }
  tensor.image = readBoolean(object.Get("image"), argument + ".image");
  const Napi::Value arena = object.Get("arena");
  if (!arena.IsUndefined()) {
    tensor.arena = readArena(arena, argument + ".arena");
    tensor.byteOffset = readInteger(object.Get("byteOffset"), argument + ".byteOffset", 0, kMaxOffset);
  }
  const Napi::Value data = object.Get("data");
  if (!data.IsUndefined()) {
    Bytes bytes = readBytes(data, argument + ".data");
    if (bytes.dtype != tensor.dtype) {
      throwInvalid(argument + ".data", std::string("data of dtype ") + dtypeName(tensor.dtype), data);
    }
    tensor.constant = true;
    tensor.data = std::move(bytes.data);
  }
  const Napi::Value base = object.Get("base");
  if (!base.IsUndefined()) {
    tensor.base = static_cast<int>(readInteger(base, argument + ".base", 0, INT32_MAX));
    tensor.offset = readInteger(object.Get("offset"), argument + ".offset", 0, kMaxOffset);
  }
  return tensor;
}

NodeDescription readNode(const Napi::Value& value, const std::string& argument) {
  const Napi::Object object = readObject(value, argument);
  NodeDescription node;
  node.op = readString(object.Get("op"), argument + ".op");
  node.name = readString(object.Get("name"), argument + ".name");
  const Napi::Value attributes = object.Get("attributes");
  Bytes bytes = readBytes(attributes, argument + ".attributes");
  if (bytes.dtype != SN_U8) throwInvalid(argument + ".attributes", "a Uint8Array", attributes);
  node.attributes = std::move(bytes.data);
  node.inputs = readIds(object.Get("inputs"), argument + ".inputs");
  node.outputs = readIds(object.Get("outputs"), argument + ".outputs");
  node.inPlace = readIds(object.Get("inPlace"), argument + ".inPlace");
  node.writes = readIds(object.Get("writes"), argument + ".writes");
  return node;
}

PortDescription readPort(const Napi::Value& value, const std::string& argument) {
  const Napi::Object object = readObject(value, argument);
  const int64_t tensor = readInteger(object.Get("tensor"), argument + ".tensor", 0, INT32_MAX);
  return {readString(object.Get("name"), argument + ".name"), static_cast<int>(tensor)};
}

SnPlanOptions readOptions(const Napi::Value& value) {
  const Napi::Object object = readObject(value, "plan.options");
  const auto read = [&](const char* name) {
    return static_cast<int32_t>(readBoolean(object.Get(name), std::string("plan.options.") + name));
  };
  return {read("allowTf32"), read("deterministic"), read("autotune"), read("plain")};
}

template <class T>
std::vector<T> readList(const Napi::Object& plan, const char* name, T (*read)(const Napi::Value&, const std::string&)) {
  const std::string argument = std::string("plan.") + name;
  const Napi::Array array = readArray(plan.Get(name), argument);
  std::vector<T> list;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::HandleScope scope(plan.Env());
    list.push_back(read(array.Get(i), item(argument, i)));
  }
  return list;
}

}  // namespace

PlanDescription readPlanDescription(const Napi::Value& value) {
  const Napi::Object object = readObject(value, "plan");
  PlanDescription plan;
  plan.tensors = readList(object, "tensors", readTensor);
  plan.nodes = readList(object, "nodes", readNode);
  plan.inputs = readList(object, "inputs", readPort);
  plan.outputs = readList(object, "outputs", readPort);
  plan.gate = static_cast<int>(readInteger(object.Get("gate"), "plan.gate", kAbsent, INT32_MAX));
  plan.skip = static_cast<int>(readInteger(object.Get("skip"), "plan.skip", kAbsent, INT32_MAX));
  plan.replay = readBoolean(object.Get("replay"), "plan.replay");
  plan.poison = readBoolean(object.Get("poison"), "plan.poison");
  plan.options = readOptions(object.Get("options"));
  return plan;
}

}  // namespace saturnn
