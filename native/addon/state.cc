#include "addon/state.h"

#include "addon/values.h"

namespace saturnn {
namespace {

constexpr int64_t kMaxOffset = int64_t{1} << 53;

}  // namespace

void StateObject::define(Napi::Env env) {
  environmentOf(env).stateClass =
      Napi::Persistent(DefineClass(env, name,
                                   {method<&StateObject::read>("read"), method<&StateObject::write>("write"),
                                    method<&StateObject::dispose>("dispose")}));
}

StateObject::StateObject(const Napi::CallbackInfo& info)
    : Wrapped(info), parts_(takeConstruction<Parts>(info)), counted_(info.Env(), &Counters::states) {
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
      return [bytes](Napi::Env env) -> Napi::Value { return makeArrayBuffer(env, *bytes); };
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

Napi::Value StateObject::dispose(const Napi::CallbackInfo& info) {
  dispose(info.Env());
  return info.Env().Undefined();
}

void StateObject::dispose(Napi::BasicEnv env) {
  if (parts_.state == nullptr) return;
  parts_.host->post([state = parts_.state](Device& device) { device.discard(*state); });
  parts_ = {};
  counted_.end(env);
}

}  // namespace saturnn
