// The class NativeDevice of lib/runtime/native.ts.
#pragma once

#include "addon/host.h"
#include "addon/wrapped.h"

namespace saturnn {

class DeviceObject final : public Wrapped<DeviceObject> {
 public:
  static constexpr const char* name = "NativeDevice";
  static void define(Napi::Env env);
  explicit DeviceObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value info(const Napi::CallbackInfo& info);
  Napi::Value ops(const Napi::CallbackInfo& info);
  Napi::Value memory(const Napi::CallbackInfo& info);
  Napi::Value upload(const Napi::CallbackInfo& info);
  Napi::Value uploadsAhead(const Napi::CallbackInfo& info);
  Napi::Value createLanding(const Napi::CallbackInfo& info);
  Napi::Value createState(const Napi::CallbackInfo& info);
  Napi::Value compile(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  std::shared_ptr<DeviceHost> host_;
  Counted counted_;
};

}  // namespace saturnn
