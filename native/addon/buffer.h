// The class NativeBuffer of lib/runtime/native.ts.
#pragma once

#include "addon/host.h"
#include "addon/wrapped.h"
#include "core/resident.h"

namespace saturnn {

class BufferObject final : public Wrapped<BufferObject> {
 public:
  static constexpr const char* name = "NativeBuffer";
  struct Parts {
    std::shared_ptr<DeviceHost> host;
    std::shared_ptr<Resident> resident;
  };

  static void define(Napi::Env env);
  explicit BufferObject(const Napi::CallbackInfo& info);
  void Finalize(Napi::BasicEnv env) override { dispose(env); }

  const DeviceHost* host() const { return parts_.host.get(); }
  // Throws ERR_DISPOSED.
  const std::shared_ptr<Resident>& resident() const;

 private:
  Napi::Value byteLength(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  void dispose(Napi::BasicEnv env);

  Parts parts_;
  int64_t bytes_;
  Counted counted_;
};

}  // namespace saturnn
