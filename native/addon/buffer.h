// The class NativeBuffer of lib/runtime/native.ts.
#pragma once

#include "addon/environment.h"
#include "addon/host.h"
#include "core/resident.h"

namespace saturnn {

class BufferObject final : public Napi::ObjectWrap<BufferObject> {
 public:
  struct Parts {
    std::shared_ptr<DeviceHost> host;
    std::shared_ptr<Resident> resident;
  };

  static void define(Napi::Env env);
  // Returns null if `value` is not a NativeBuffer.
  static BufferObject* from(const Napi::Value& value);
  explicit BufferObject(const Napi::CallbackInfo& info);
  void Finalize(Napi::BasicEnv env) override { dispose(env); }

  const DeviceHost* host() const { return parts_.host.get(); }
  // Throws ERR_DISPOSED.
  const std::shared_ptr<Resident>& resident() const;

 private:
  Napi::Value byteLength(const Napi::CallbackInfo& info);
  void dispose(const Napi::CallbackInfo& info) { dispose(info.Env()); }
  void dispose(Napi::BasicEnv env);

  Parts parts_;
  int64_t bytes_;
  Counted counted_;
};

}  // namespace saturnn
