// The class NativeCancellation of lib/runtime/native.ts: asks a run to end.
#pragma once

#include <atomic>

#include "addon/wrapped.h"

namespace saturnn {

class CancellationObject final : public Wrapped<CancellationObject> {
 public:
  static constexpr const char* name = "NativeCancellation";
  using Flag = std::shared_ptr<std::atomic<bool>>;

  static void define(Napi::Env env) {
    environmentOf(env).cancellationClass =
        Napi::Persistent(DefineClass(env, name, {method<&CancellationObject::cancel>("cancel")}));
  }
  explicit CancellationObject(const Napi::CallbackInfo& info) : Wrapped(info), flag_(takeConstruction<Flag>(info)) {}

  // The flag of a NativeCancellation; null for null or undefined. Throws ERR_INVALID_ARGUMENT.
  static Flag read(const Napi::Value& value) {
    if (value.IsNull() || value.IsUndefined()) return nullptr;
    const CancellationObject* object = from(value);
    if (object == nullptr) throwInvalid("cancellation", "a NativeCancellation or null", value);
    return object->flag_;
  }

 private:
  Napi::Value cancel(const Napi::CallbackInfo& info) {
    *flag_ = true;
    return info.Env().Undefined();
  }

  const Flag flag_;
};

}  // namespace saturnn
