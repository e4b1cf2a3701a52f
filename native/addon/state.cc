#include "addon/state.h"

#include <cstring>

#include "addon/values.h"

namespace saturnn {
namespace {

constexpr napi_type_tag kTag = {0x7361747572656e73, 0x4b0de2a1c95f7736};
constexpr int64_t kMaxOffset = int64_t{1} << 53;

}  // namespace

void StateObject::define(Napi::Env env) {
  environmentOf(env).stateClass = Napi::Persistent(
      DefineClass(env, "NativeState",
                  {InstanceMethod<&StateObject::read>("read"), InstanceMethod<&StateObject::write>("write"),
                   InstanceMethod<&StateObject::dispose>("dispose")}));
}

StateObject* StateObject::from(const Napi::Value& value) {
  return value.IsObject() && value.As<Napi::Object>().CheckTypeTag(&kTag) ? Unwrap(value.As<Napi::Object>()) : nullptr;
}

StateObject::StateObject(const Napi::CallbackInfo& info)
    : ObjectWrap(info), parts_(takeConstruction<Parts>(info)), counted_(info.Env(), &Counters::states) {
  info.This().As<Napi::Object>().TypeTag(&kTag);
  counted_.addBytes(info.Env(), parts_.state->totalBytes());
}

const std::shared_ptr<State>& StateObject::state() const {
  if (parts_.state == nullptr) throw Error("ERR_DISPOSED", "the State was disposed");
  return parts_.state;
}

Napi::Value StateObject::read(const Napi::CallbackInfo& info) {
  return guardPromise(info.Env(), [&] {
    const std::shared_ptr<State> it = state();
    const int arena = readArena(info[0], "arena");
    const int64_t offset = readInteger(info[1], "byteOffset", 0, kMaxOffset);
    const int64_t length = readInteger(info[2], "byteLength", 0, kMaxOffset);
    it->checkRange(arena, offset, length);
    return parts_.host->submit(info.Env(), [it, arena, offset, length](Device&) -> Settle {
      const auto bytes = std::make_shared<std::vector<uint8_t>>(static_cast<size_t>(length));
      it->read(arena, offset, bytes->data(), length);
      return [bytes](Napi::Env env) -> Napi::Value {
        Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, bytes->size());
        if (!bytes->empty()) std::memcpy(buffer.Data(), bytes->data(), bytes->size());
        return buffer;
      };
    });
  });
}

Napi::Value StateObject::write(const Napi::CallbackInfo& info) {
  return guardPromise(info.Env(), [&] {
    const std::shared_ptr<State> it = state();
    const int arena = readArena(info[0], "arena");
    const int64_t offset = readInteger(info[1], "byteOffset", 0, kMaxOffset);
    const auto bytes = std::make_shared<Bytes>(readBytes(info[2], "data"));
    it->checkRange(arena, offset, static_cast<int64_t>(bytes->data.size()));
    return parts_.host->submit(info.Env(), [it, arena, offset, bytes](Device&) -> Settle {
      it->write(arena, offset, bytes->data.data(), static_cast<int64_t>(bytes->data.size()));
      return [](Napi::Env env) { return env.Undefined(); };
    });
  });
}

void StateObject::dispose(Napi::BasicEnv env) {
  if (parts_.state == nullptr) return;
  parts_.host->post([state = parts_.state](Device& device) { device.discard(*state); });
  parts_ = {};
  counted_.end(env);
}

}  // namespace saturnn
