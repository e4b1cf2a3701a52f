#include "addon/buffer.h"

namespace saturnn {
namespace {

constexpr napi_type_tag kTag = {0x7361747572656e62, 0x9c1f0d5b7e6a4821};

}  // namespace

void BufferObject::define(Napi::Env env) {
  environmentOf(env).bufferClass = Napi::Persistent(DefineClass(
      env, "NativeBuffer",
      {InstanceAccessor<&BufferObject::byteLength>("byteLength"), InstanceMethod<&BufferObject::dispose>("dispose")}));
}

BufferObject* BufferObject::from(const Napi::Value& value) {
  return value.IsObject() && value.As<Napi::Object>().CheckTypeTag(&kTag) ? Unwrap(value.As<Napi::Object>()) : nullptr;
}

BufferObject::BufferObject(const Napi::CallbackInfo& info)
    : ObjectWrap(info), parts_(takeConstruction<Parts>(info)), counted_(info.Env(), &Counters::buffers) {
  bytes_ = parts_.resident->bytes();
  info.This().As<Napi::Object>().TypeTag(&kTag);
  counted_.addBytes(info.Env(), bytes_);
}

const std::shared_ptr<Resident>& BufferObject::resident() const {
  if (parts_.resident == nullptr) throw Error("ERR_DISPOSED", "the resident buffer was disposed");
  return parts_.resident;
}

Napi::Value BufferObject::byteLength(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(bytes_));
}

void BufferObject::dispose(Napi::BasicEnv env) {
  if (parts_.resident == nullptr) return;
  parts_.host->post([resident = parts_.resident](Device& device) { device.discard(*resident); });
  parts_ = {};
  counted_.end(env);
}

}  // namespace saturnn
