#include "addon/values.h"

#include <cmath>
#include <cstring>

#include "addon/environment.h"
#include "core/plan/description.h"

namespace saturnn {
namespace {

std::string show(const Napi::Value& value) {
  if (value.IsString()) return "\"" + value.As<Napi::String>().Utf8Value() + "\"";
  if (value.IsArray()) return "an array";
  if (value.IsFunction()) return "a function";
  if (value.IsObject()) return "an object";
  if (value.IsSymbol()) return "a symbol";
  return value.ToString().Utf8Value();
}

// The dtypes that have a typed array in JavaScript: all dtypes but the halves, which exist only inside a plan.
struct TypedArrayRow {
  SnDType dtype;
  napi_typedarray_type type;
};
constexpr TypedArrayRow typedArrays[] = {
    {SN_F32, napi_float32_array},
    {SN_I32, napi_int32_array},
    {SN_U8, napi_uint8_array},
};

void check(Napi::Env env, napi_status status) {
  if (status != napi_ok) throw Napi::Error::New(env);
}

}  // namespace

void throwInvalid(const std::string& argument, const std::string& expected, const Napi::Value& received) {
  throw Error("ERR_INVALID_ARGUMENT", "Expected " + expected + " for " + argument + " but received " + show(received));
}

Napi::Object readObject(const Napi::Value& value, const std::string& argument) {
  if (!value.IsObject()) throwInvalid(argument, "an object", value);
  return value.As<Napi::Object>();
}

Napi::Array readArray(const Napi::Value& value, const std::string& argument) {
  if (!value.IsArray()) throwInvalid(argument, "an array", value);
  return value.As<Napi::Array>();
}

int64_t readInteger(const Napi::Value& value, const std::string& argument, int64_t minimum, int64_t maximum) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  // NaN fails both comparisons; both bounds are exact as doubles.
  const bool within = number >= static_cast<double>(minimum) && number <= static_cast<double>(maximum);
  if (!within || number != std::floor(number)) {
    throwInvalid(argument, "an integer from " + std::to_string(minimum) + " to " + std::to_string(maximum), value);
  }
  return static_cast<int64_t>(number);
}

bool readBoolean(const Napi::Value& value, const std::string& argument) {
  if (!value.IsBoolean()) throwInvalid(argument, "a boolean", value);
  return value.As<Napi::Boolean>().Value();
}

std::string readString(const Napi::Value& value, const std::string& argument) {
  if (!value.IsString()) throwInvalid(argument, "a string", value);
  return value.As<Napi::String>().Utf8Value();
}

int readArena(const Napi::Value& value, const std::string& argument) {
  if (value.IsString()) {
    const std::string name = value.As<Napi::String>().Utf8Value();
    for (int i = 0; i < kArenaCount; ++i) {
      if (name == kArenaNames[i]) return i;
    }
  }
  throwInvalid(argument, "'parameters', 'optimizer', 'gradients' or 'buffers'", value);
}

OpenOptions readOpenOptions(const Napi::Value& value) {
  const Napi::Object object = readObject(value, "options");
  OpenOptions options;
  options.libraryPath = readString(object.Get("libraryPath"), "libraryPath");
  options.index = static_cast<int32_t>(readInteger(object.Get("index"), "index", 0, INT32_MAX));
  options.threads = static_cast<int32_t>(readInteger(object.Get("threads"), "threads", 0, 4096));
  const Napi::Value cacheFolder = object.Get("cacheFolder");
  if (!cacheFolder.IsNull() && !cacheFolder.IsUndefined()) options.cacheFolder = readString(cacheFolder, "cacheFolder");
  const Napi::Array paths = readArray(object.Get("searchPaths"), "searchPaths");
  for (uint32_t i = 0; i < paths.Length(); ++i) {
    options.searchPaths.push_back(readString(paths.Get(i), "searchPaths[" + std::to_string(i) + "]"));
  }
  return options;
}

BytesView viewBytes(const Napi::Value& value, const std::string& argument) {
  const TypedArrayRow* row = nullptr;
  napi_typedarray_type type{};
  size_t length = 0;
  void* data = nullptr;
  if (value.IsTypedArray()) {
    check(value.Env(), napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr));
    for (const TypedArrayRow& candidate : typedArrays) {
      if (candidate.type == type) row = &candidate;
    }
  }
  if (row == nullptr) throwInvalid(argument, "a Float32Array, an Int32Array or a Uint8Array", value);
  return {row->dtype, data, length * elementBytes(row->dtype)};
}

Bytes readBytes(const Napi::Value& value, const std::string& argument) {
  const BytesView view = viewBytes(value, argument);
  Bytes bytes{view.dtype, std::vector<uint8_t>(view.size)};
  if (view.size > 0) std::memcpy(bytes.data.data(), view.data, view.size);
  return bytes;
}

// napi_create_arraybuffer ends the process if there is no memory; JavaScript's constructor throws a RangeError.
Napi::ArrayBuffer makeArrayBuffer(Napi::Env env, const std::vector<uint8_t>& bytes) {
  const auto fail = [&] {
    return Error("ERR_OUT_OF_MEMORY", "Cannot allocate an ArrayBuffer of " + std::to_string(bytes.size()) + " bytes");
  };
  Napi::Value made;
  try {
    made = environmentOf(env).arrayBuffer.New({Napi::Number::New(env, static_cast<double>(bytes.size()))});
  } catch (const Napi::Error&) {
    throw fail();
  }
  if (!made.IsArrayBuffer() || made.As<Napi::ArrayBuffer>().ByteLength() != bytes.size()) throw fail();
  auto buffer = made.As<Napi::ArrayBuffer>();
  if (!bytes.empty()) std::memcpy(buffer.Data(), bytes.data(), bytes.size());
  return buffer;
}

Napi::Value makeTypedArray(Napi::Env env, SnDType dtype, const std::vector<uint8_t>& bytes) {
  const Napi::ArrayBuffer buffer = makeArrayBuffer(env, bytes);
  for (const TypedArrayRow& row : typedArrays) {
    if (row.dtype != dtype) continue;
    napi_value array = nullptr;
    check(env, napi_create_typedarray(env, row.type, bytes.size() / elementBytes(dtype), buffer, 0, &array));
    return Napi::Value(env, array);
  }
  throw Error("ERR_INTERNAL", std::string("JavaScript has no typed array for ") + dtypeName(dtype));
}

Napi::Error makeError(Napi::Env env, const Failure& failure) {
  Napi::Error result = Napi::Error::New(env, failure.message);
  result.Set("code", Napi::String::New(env, failure.code));
  return result;
}

}  // namespace saturnn
