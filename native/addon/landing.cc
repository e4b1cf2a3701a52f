#include "addon/landing.h"

namespace saturnn {

void LandingObject::define(Napi::Env env) {
  environmentOf(env).landingClass = Napi::Persistent(
      DefineClass(env, name,
                  {getter<&LandingObject::byteLength>("byteLength"), method<&LandingObject::upload>("upload"),
                   method<&LandingObject::dispose>("dispose")}));
}

LandingObject::LandingObject(const Napi::CallbackInfo& info)
    : Wrapped(info), parts_(takeConstruction<Parts>(info)), counted_(info.Env(), &Counters::buffers) {
  bytes_ = parts_.landing->bytes();
  counted_.addBytes(info.Env(), bytes_);
}

const std::shared_ptr<Landing>& LandingObject::landing() const {
  if (parts_.landing == nullptr) throw Error("ERR_DISPOSED", "the landing was disposed");
  return parts_.landing;
}

Napi::Value LandingObject::byteLength(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(bytes_));
}

Napi::Value LandingObject::upload(const Napi::CallbackInfo& info) {
  return guardPromise(info.Env(), [&] {
    const std::shared_ptr<Landing> it = landing();
    const BytesView view = viewBytes(info[0], "data");
    const auto size = static_cast<int64_t>(view.size);
    if (size > bytes_) throwInvalid("data", "at most " + std::to_string(bytes_) + " bytes", info[0]);
    if (!source_.IsEmpty()) throw Error("ERR_BUSY", "another upload to this landing is under way");
    uploadedBytes_ = 0;
    dtype_ = view.dtype;
    hold(info[0]);
    try {
      return parts_.host->submitCopy(info.Env(), [this, it, data = view.data, size]() -> Settle {
        std::exception_ptr failure;
        try {
          it->upload(data, size);
        } catch (...) {
          failure = std::current_exception();
        }
        return [this, failure, size](Napi::Env env) {
          letGo();
          if (failure) std::rethrow_exception(failure);
          uploadedBytes_ = size;
          return env.Undefined();
        };
      });
    } catch (...) {
      letGo();
      throw;
    }
  });
}

// The array, and this object, must not be collected while the array is read.
void LandingObject::hold(const Napi::Value& source) {
  source_ = Napi::Persistent(source.As<Napi::Object>());
  Ref();
}

void LandingObject::letGo() {
  source_.Reset();
  Unref();
}

Napi::Value LandingObject::dispose(const Napi::CallbackInfo& info) {
  dispose(info.Env());
  return info.Env().Undefined();
}

void LandingObject::dispose(Napi::BasicEnv env) {
  if (parts_.landing == nullptr) return;
  parts_.host->post([landing = parts_.landing](Device& device) { device.discard(*landing); });
  parts_ = {};
  counted_.end(env);
}

}  // namespace saturnn
