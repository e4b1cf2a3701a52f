// The exports of the addon: the object that `require('saturnn.node')` returns, NativeAddon of lib/runtime/native.ts.
// Only the files of this folder use N-API; each wraps one class of the core and checks all values from JavaScript.
#include <cstring>

#include "addon/buffer.h"
#include "addon/cancellation.h"
#include "addon/device.h"
#include "addon/file_lock.h"
#include "addon/landing.h"
#include "addon/plan.h"
#include "addon/state.h"
#include "addon/values.h"
#include "core/activation_kinds.h"
#include "core/loader.h"
#include "shared/abi.h"

namespace saturnn {
namespace {

Napi::Value probe(const Napi::CallbackInfo& info) {
  return guard(info.Env(), [&]() -> Napi::Value {
    const OpenOptions options = readOpenOptions(info[0]);
    const SnBackend& backend = loadBackend(options.libraryPath);
    std::vector<char> json(256 * 1024);
    backend.probe(OpenOptionsView(options).get(), json.data(), json.size());
    return Napi::String::New(info.Env(), json.data(), strnlen(json.data(), json.size()));
  });
}

Napi::Value openDevice(const Napi::CallbackInfo& info) {
  return guard(info.Env(), [&]() -> Napi::Value {
    const OpenOptions options = readOpenOptions(info[0]);
    const SnBackend& backend = loadBackend(options.libraryPath);
    return construct(info.Env(), &Environment::deviceClass, DeviceHost::open(info.Env(), backend, options));
  });
}

Napi::Value counters(const Napi::CallbackInfo& info) {
  const Counters& counts = *environmentOf(info.Env()).counters;
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("devices", counts.devices);
  result.Set("states", counts.states);
  result.Set("plans", counts.plans);
  result.Set("buffers", counts.buffers);
  result.Set("bytes", Napi::Number::New(info.Env(), static_cast<double>(counts.bytes)));
  return result;
}

Napi::Value externalBytes(const Napi::CallbackInfo& info) {
  const int64_t bytes = Napi::MemoryManagement::AdjustExternalMemory(info.Env(), 0);
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

Napi::Value createCancellation(const Napi::CallbackInfo& info) {
  return guard(info.Env(), [&]() -> Napi::Value {
    return construct(info.Env(), &Environment::cancellationClass, std::make_shared<std::atomic<bool>>(false));
  });
}

Napi::Array listActivationKinds(Napi::Env env) {
  Napi::Array kinds = Napi::Array::New(env);
  for (size_t i = 0; i < activationKindCount; ++i) kinds.Set(static_cast<uint32_t>(i), activationKinds[i]);
  return kinds;
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment());
  DeviceObject::define(env);
  StateObject::define(env);
  BufferObject::define(env);
  LandingObject::define(env);
  PlanObject::define(env);
  CancellationObject::define(env);
  environmentOf(env).arrayBuffer = Napi::Persistent(env.Global().Get("ArrayBuffer").As<Napi::Function>());
  exports.Set("version", SATURNN_VERSION);
  exports.Set("abiVersion", abiVersion);
  exports.Set("activationKinds", listActivationKinds(env));
  exports.Set("probe", Napi::Function::New(env, probe, "probe"));
  exports.Set("openDevice", Napi::Function::New(env, openDevice, "openDevice"));
  exports.Set("lockFile", Napi::Function::New(env, lockFile, "lockFile"));
  exports.Set("createCancellation", Napi::Function::New(env, createCancellation, "createCancellation"));
  exports.Set("counters", Napi::Function::New(env, counters, "counters"));
  exports.Set("externalBytes", Napi::Function::New(env, externalBytes, "externalBytes"));
  return exports;
}

}  // namespace

NODE_API_MODULE(saturnn, initialize)

}  // namespace saturnn
