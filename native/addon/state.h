// The class NativeState of lib/runtime/native.ts.
#pragma once

#include "addon/environment.h"
#include "addon/host.h"
#include "core/state.h"

namespace saturnn {

class StateObject final : public Napi::ObjectWrap<StateObject> {
 public:
  struct Parts {
    std::shared_ptr<DeviceHost> host;
    std::shared_ptr<State> state;
  };

  static void define(Napi::Env env);
  // Returns null if `value` is not a NativeState.
  static StateObject* from(const Napi::Value& value);
  explicit StateObject(const Napi::CallbackInfo& info);
  void Finalize(Napi::BasicEnv env) override { dispose(env); }

  const DeviceHost* host() const { return parts_.host.get(); }
  // Throws ERR_DISPOSED.
  const std::shared_ptr<State>& state() const;

 private:
  Napi::Value read(const Napi::CallbackInfo& info);
  Napi::Value write(const Napi::CallbackInfo& info);
  void dispose(const Napi::CallbackInfo& info) { dispose(info.Env()); }
  void dispose(Napi::BasicEnv env);

  Parts parts_;
  Counted counted_;
};

}  // namespace saturnn
