// Checked conversions from JavaScript values. Errors name the argument, what was expected and what was received.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/device.h"
#include "shared/backend.h"
#include "shared/error.h"

namespace saturnn {

[[noreturn]] void throwInvalid(const std::string& argument, const std::string& expected, const Napi::Value& received);

Napi::Object readObject(const Napi::Value& value, const std::string& argument);
Napi::Array readArray(const Napi::Value& value, const std::string& argument);
int64_t readInteger(const Napi::Value& value, const std::string& argument, int64_t minimum, int64_t maximum);
bool readBoolean(const Napi::Value& value, const std::string& argument);
std::string readString(const Napi::Value& value, const std::string& argument);
int readArena(const Napi::Value& value, const std::string& argument);
OpenOptions readOpenOptions(const Napi::Value& value);

// The bytes of a typed array, where JavaScript has them.
struct BytesView {
  SnDType dtype;
  const void* data;
  size_t size;
};
// Returns the bytes of a Float32Array, an Int32Array or a Uint8Array.
BytesView viewBytes(const Napi::Value& value, const std::string& argument);

struct Bytes {
  SnDType dtype;
  std::vector<uint8_t> data;
};
// Returns a copy of a Float32Array, an Int32Array or a Uint8Array.
Bytes readBytes(const Napi::Value& value, const std::string& argument);

// Returns an ArrayBuffer with a copy of the bytes. Throws ERR_OUT_OF_MEMORY.
Napi::ArrayBuffer makeArrayBuffer(Napi::Env env, const std::vector<uint8_t>& bytes);

// Returns a typed array of the dtype with a copy of the bytes. Throws ERR_OUT_OF_MEMORY.
Napi::Value makeTypedArray(Napi::Env env, SnDType dtype, const std::vector<uint8_t>& bytes);

Napi::Error makeError(Napi::Env env, const Failure& failure);

// Runs the body of a method and turns every C++ exception into a JavaScript error: one that left through Node's frames
// would end the process.
template <class Body>
auto guard(Napi::Env env, Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw makeError(env, describe(std::current_exception()));
  }
}

// As guard(), for a method that returns a promise: an exception rejects the promise.
template <class Body>
Napi::Value guardPromise(Napi::Env env, Body body) {
  try {
    return guard(env, body);
  } catch (const Napi::Error& error) {
    const Napi::Promise::Deferred deferred = Napi::Promise::Deferred::New(env);
    deferred.Reject(error.Value());
    return deferred.Promise();
  }
}

}  // namespace saturnn
