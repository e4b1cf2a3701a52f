// The class NativeLanding of lib/runtime/native.ts.
#pragma once

#include "addon/host.h"
#include "addon/wrapped.h"
#include "core/landing.h"

namespace saturnn {

class LandingObject final : public Wrapped<LandingObject> {
 public:
  static constexpr const char* name = "NativeLanding";
  struct Parts {
    std::shared_ptr<DeviceHost> host;
    std::shared_ptr<Landing> landing;
  };

  static void define(Napi::Env env);
  explicit LandingObject(const Napi::CallbackInfo& info);
  void Finalize(Napi::BasicEnv env) override { dispose(env); }

  const DeviceHost* host() const { return parts_.host.get(); }
  // Throws ERR_DISPOSED.
  const std::shared_ptr<Landing>& landing() const;
  // The data that were uploaded last; 0 bytes: none were, or they are on their way.
  SnDType dtype() const { return dtype_; }
  int64_t uploadedBytes() const { return uploadedBytes_; }

 private:
  Napi::Value byteLength(const Napi::CallbackInfo& info);
  Napi::Value upload(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  void dispose(Napi::BasicEnv env);
  void hold(const Napi::Value& source);
  void letGo();

  Parts parts_;
  int64_t bytes_;
  SnDType dtype_ = SN_NONE;
  int64_t uploadedBytes_ = 0;
  Napi::ObjectReference source_;  // while its bytes are read
  Counted counted_;
};

}  // namespace saturnn
