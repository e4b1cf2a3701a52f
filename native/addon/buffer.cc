#include "addon/buffer.h"

namespace saturnn {

void BufferObject::define(Napi::Env env) {
  environmentOf(env).bufferClass = Napi::Persistent(DefineClass(
      env, name, {getter<&BufferObject::byteLength>("byteLength"), method<&BufferObject::dispose>("dispose")}));
}

BufferObject::BufferObject(const Napi::CallbackInfo& info)
    : Wrapped(info), parts_(takeConstruction<Parts>(info)), counted_(info.Env(), &Counters::buffers) {
  bytes_ = parts_.resident->bytes();
  counted_.addBytes(info.Env(), bytes_);
}

const std::shared_ptr<Resident>& BufferObject::resident() const {
  if (parts_.resident == nullptr) throw Error("ERR_DISPOSED", "the resident buffer was disposed");
  return parts_.resident;
}

Napi::Value BufferObject::byteLength(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(bytes_));
}

Napi::Value BufferObject::dispose(const Napi::CallbackInfo& info) {
  dispose(info.Env());
  return info.Env().Undefined();
}

void BufferObject::dispose(Napi::BasicEnv env) {
  if (parts_.resident == nullptr) return;
  parts_.host->post([resident = parts_.resident](Device& device) { device.discard(*resident); });
  parts_ = {};
  counted_.end(env);
}

}  // namespace saturnn
