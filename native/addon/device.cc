#include "addon/device.h"

#include "addon/buffer.h"
#include "addon/description.h"
#include "addon/landing.h"
#include "addon/plan.h"
#include "addon/state.h"
#include "addon/values.h"

namespace saturnn {
namespace {

// 64 TiB: the sum of four such sizes cannot overflow, and no device has so much, so the device reports the error.
constexpr int64_t kMaxArenaBytes = int64_t{1} << 46;

// Returns a row of the op table as the NativeOp of lib/runtime/native.ts.
Napi::Object describeOp(Napi::Env env, const SnOpInfo& op) {
  Napi::Array fields = Napi::Array::New(env);
  for (int32_t i = 0; i < op.field_count; ++i) {
    Napi::Array field = Napi::Array::New(env);
    field.Set(0u, op.fields[i].name);
    field.Set(1u, dtypeName(op.fields[i].type));
    fields.Set(static_cast<uint32_t>(i), field);
  }
  Napi::Array inputs = Napi::Array::New(env);
  inputs.Set(0u, op.least_inputs);
  inputs.Set(1u, op.most_inputs);
  Napi::Object result = Napi::Object::New(env);
  result.Set("fields", fields);
  result.Set("attributeBytes", static_cast<double>(op.attribute_bytes));
  result.Set("variableAttributes", op.variable_attributes != 0);
  result.Set("inputs", inputs);
  result.Set("outputs", op.outputs);
  return result;
}

}  // namespace

void DeviceObject::define(Napi::Env env) {
  environmentOf(env).deviceClass = Napi::Persistent(DefineClass(
      env, name,
      {getter<&DeviceObject::info>("info"), getter<&DeviceObject::ops>("ops"), getter<&DeviceObject::memory>("memory"),
       getter<&DeviceObject::uploadsAhead>("uploadsAhead"), method<&DeviceObject::upload>("upload"),
       method<&DeviceObject::createLanding>("createLanding"), method<&DeviceObject::createState>("createState"),
       method<&DeviceObject::compile>("compile"), method<&DeviceObject::dispose>("dispose")}));
}

DeviceObject::DeviceObject(const Napi::CallbackInfo& info)
    : Wrapped(info),
      host_(takeConstruction<std::shared_ptr<DeviceHost>>(info)),
      counted_(info.Env(), &Counters::devices) {}

Napi::Value DeviceObject::info(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), host_->info()); }

Napi::Value DeviceObject::ops(const Napi::CallbackInfo& info) {
  Napi::Object table = Napi::Object::New(info.Env());
  const SnBackend& backend = host_->backend();
  for (int32_t i = 0; i < backend.op_count; ++i) table.Set(backend.ops[i].name, describeOp(info.Env(), backend.ops[i]));
  return table;
}

Napi::Value DeviceObject::memory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const MemoryUse& use = host_->use();
  Napi::Object result = Napi::Object::New(env);
  const auto set = [&](const char* name, int64_t value) {
    result.Set(name, Napi::Number::New(env, static_cast<double>(value)));
  };
  set("states", use.resources(ResourceKind::State));
  set("plans", use.resources(ResourceKind::Plan));
  set("buffers", use.resources(ResourceKind::Buffer));
  set("stateBytes", use.bytes(MemoryKind::State));
  set("arenaBytes", use.bytes(MemoryKind::Arena));
  set("constantBytes", use.bytes(MemoryKind::Constants));
  set("inputBytes", use.bytes(MemoryKind::Inputs));
  set("bufferBytes", use.bytes(MemoryKind::Buffer));
  set("pinnedBytes", use.pinned());
  set("bytes", use.total());
  set("peakBytes", use.peak());
  return result;
}

Napi::Value DeviceObject::upload(const Napi::CallbackInfo& info) {
  host_->requireOpen();
  const auto resident = std::make_shared<Resident>(readBytes(info[0], "data").data);
  host_->post([resident](Device& device) { resident->create(device); });
  return construct(info.Env(), &Environment::bufferClass, BufferObject::Parts{host_, resident});
}

Napi::Value DeviceObject::uploadsAhead(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), host_->backend().create_uploader != nullptr);
}

Napi::Value DeviceObject::createLanding(const Napi::CallbackInfo& info) {
  return guardPromise(info.Env(), [&] {
    const int64_t bytes = readInteger(info[0], "bytes", 1, kMaxArenaBytes);
    return host_->submit(info.Env(), [host = host_, bytes](Device& device) -> Settle {
      const auto landing = std::make_shared<Landing>(device, bytes);
      device.adopt(landing);
      return [parts = LandingObject::Parts{host, landing}](Napi::Env env) {
        return construct(env, &Environment::landingClass, parts);
      };
    });
  });
}

Napi::Value DeviceObject::createState(const Napi::CallbackInfo& info) {
  const Napi::Object sizes = readObject(info[0], "bytes");
  ArenaBytes bytes{};
  for (int i = 0; i < kArenaCount; ++i) {
    bytes[i] = readInteger(sizes.Get(kArenaNames[i]), std::string("bytes.") + kArenaNames[i], 0, kMaxArenaBytes);
  }
  host_->requireOpen();  // after the getters of the caller's object, which may dispose of the device
  const auto state = std::make_shared<State>(bytes);
  host_->post([state](Device& device) { state->create(device); });
  return construct(info.Env(), &Environment::stateClass, StateObject::Parts{host_, state});
}

Napi::Value DeviceObject::compile(const Napi::CallbackInfo& info) {
  return guardPromise(info.Env(), [&] {
    host_->requireOpen();  // before the plan's mistakes; submit() asks again, because getters of `info[0]` may close it
    const auto description = std::make_shared<PlanDescription>(readPlanDescription(info[0]));
    std::shared_ptr<State> state;
    if (!info[1].IsNull() && !info[1].IsUndefined()) {
      const StateObject* object = StateObject::from(info[1]);
      if (object == nullptr) throwInvalid("state", "a NativeState or null", info[1]);
      state = object->state();
      if (object->host() != host_.get()) throwInvalid("state", "a State of the same device", info[1]);
    }
    return host_->submit(info.Env(), [host = host_, description, state](Device& device) -> Settle {
      const auto plan = std::make_shared<Plan>(device, std::move(*description), state, host->stopping());
      device.adopt(plan);
      return [parts = PlanObject::Parts{host, plan}](Napi::Env env) {
        return construct(env, &Environment::planClass, parts);
      };
    });
  });
}

Napi::Value DeviceObject::dispose(const Napi::CallbackInfo& info) {
  host_->close();
  counted_.end(info.Env());
  return info.Env().Undefined();
}

}  // namespace saturnn
