// The class NativeState of lib/runtime/native.ts.
#pragma once

#include "addon/host.h"
#include "addon/wrapped.h"
#include "core/state.h"

namespace saturnn {

class StateObject final : public Wrapped<StateObject> {
 public:
  static constexpr const char* name = "NativeState";
  struct Parts {
    std::shared_ptr<DeviceHost> host;
    std::shared_ptr<State> state;
  };

  static void define(Napi::Env env);
  explicit StateObject(const Napi::CallbackInfo& info);
  void Finalize(Napi::BasicEnv env) override { dispose(env); }

  const DeviceHost* host() const { return parts_.host.get(); }
  // Throws ERR_DISPOSED.
  const std::shared_ptr<State>& state() const;

 private:
  Napi::Value read(const Napi::CallbackInfo& info);
  Napi::Value write(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  void dispose(Napi::BasicEnv env);

  Parts parts_;
  Counted counted_;
};

}  // namespace saturnn
