#include "addon/plan.h"

#include "addon/buffer.h"
#include "addon/cancellation.h"
#include "addon/landing.h"
#include "addon/values.h"

namespace saturnn {
namespace {

constexpr int64_t kMostOffset = int64_t{1} << 46;  // more than any landing has

Napi::Object makeResult(Napi::Env env, RunOutcome& outcome, const std::vector<SnDType>& dtypes) {
  const Napi::Array outputs = Napi::Array::New(env, dtypes.size());
  for (size_t i = 0; i < dtypes.size(); ++i) {
    outputs.Set(static_cast<uint32_t>(i), makeTypedArray(env, dtypes[i], outcome.outputs[i]));
    outcome.outputs[i] = {};  // now, so that no more than one output is in memory twice
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("steps", Napi::Number::New(env, outcome.steps));
  result.Set("outputs", outputs);
  return result;
}

Napi::Array makeNumbers(Napi::Env env, const std::vector<int64_t>& numbers) {
  const Napi::Array array = Napi::Array::New(env, numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) {
    array.Set(static_cast<uint32_t>(i), Napi::Number::New(env, static_cast<double>(numbers[i])));
  }
  return array;
}

Napi::Array makeOperands(Napi::Env env, const std::vector<OperandSummary>& operands) {
  const Napi::Array array = Napi::Array::New(env, operands.size());
  for (size_t i = 0; i < operands.size(); ++i) {
    Napi::Value value = env.Null();
    if (operands[i].dtype != SN_NONE) {
      Napi::Object operand = Napi::Object::New(env);
      operand.Set("dtype", dtypeName(operands[i].dtype));
      operand.Set("shape", makeNumbers(env, operands[i].shape));
      operand.Set("bytes", Napi::Number::New(env, static_cast<double>(operands[i].bytes)));
      operand.Set("isGiven", Napi::Boolean::New(env, operands[i].isGiven));
      value = operand;
    }
    array.Set(static_cast<uint32_t>(i), value);
  }
  return array;
}

Napi::Object makeTrace(Napi::Env env, const TraceOutcome& outcome) {
  Napi::Float64Array milliseconds = Napi::Float64Array::New(env, outcome.milliseconds.size());
  for (size_t i = 0; i < outcome.milliseconds.size(); ++i) milliseconds[i] = outcome.milliseconds[i];
  const Napi::Array nonFinite = Napi::Array::New(env, outcome.nonFinite.size());
  for (size_t i = 0; i < outcome.nonFinite.size(); ++i) {
    Napi::Object counts = Napi::Object::New(env);
    counts.Set("inputs", makeNumbers(env, outcome.nonFinite[i].inputs));
    counts.Set("outputs", makeNumbers(env, outcome.nonFinite[i].outputs));
    nonFinite.Set(static_cast<uint32_t>(i), counts);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("milliseconds", milliseconds);
  result.Set("nonFinite", nonFinite);
  return result;
}

}  // namespace

void PlanObject::define(Napi::Env env) {
  environmentOf(env).planClass = Napi::Persistent(
      DefineClass(env, name,
                  {getter<&PlanObject::kernels>("kernels"), getter<&PlanObject::arenaBytes>("arenaBytes"),
                   getter<&PlanObject::mostSteps>("mostSteps"), method<&PlanObject::run>("run"),
                   method<&PlanObject::trace>("trace"), method<&PlanObject::dispose>("dispose")}));
}

PlanObject::PlanObject(const Napi::CallbackInfo& info)
    : Wrapped(info), parts_(takeConstruction<Parts>(info)), counted_(info.Env(), &Counters::plans) {
  kernels_ = parts_.plan->kernels();
  arenaBytes_ = parts_.plan->arenaBytes();
  mostSteps_ = parts_.plan->mostSteps();
  inputIsReported_.resize(parts_.plan->inputs().size());
  counted_.addBytes(info.Env(), parts_.plan->deviceBytes());
}

const PlanObject::Parts& PlanObject::parts() const {
  if (parts_.plan == nullptr) throw Error("ERR_DISPOSED", "the plan was disposed");
  return parts_;
}

Napi::Value PlanObject::kernels(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Array list = Napi::Array::New(env, kernels_.size());
  for (size_t i = 0; i < kernels_.size(); ++i) {
    Napi::Object kernel = Napi::Object::New(env);
    kernel.Set("op", kernels_[i].op);
    kernel.Set("name", kernels_[i].name);
    kernel.Set("implementation", kernels_[i].implementation);
    kernel.Set("scratchBytes", Napi::Number::New(env, static_cast<double>(kernels_[i].scratchBytes)));
    kernel.Set("inputs", makeOperands(env, kernels_[i].inputs));
    kernel.Set("outputs", makeOperands(env, kernels_[i].outputs));
    list.Set(static_cast<uint32_t>(i), kernel);
  }
  return list;
}

Napi::Value PlanObject::arenaBytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(arenaBytes_));
}

Napi::Value PlanObject::mostSteps(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), mostSteps_); }

Napi::Value PlanObject::run(const Napi::CallbackInfo& info) {
  return guardPromise(info.Env(), [&] {
    static_cast<void>(parts());  // of a plan that was disposed of, no mistake of the arguments matters
    const int steps = static_cast<int>(readInteger(info[1], "steps", 1, kMostSteps));
    const CancellationObject::Flag cancellation = CancellationObject::read(info[2]);
    const std::vector<GivenInput> given = readGiven(info[0]);
    const Parts it = parts();
    it.plan->checkSteps(steps);
    const auto inputs = std::make_shared<std::vector<RunInput>>(readInputs(given, it, steps));
    return it.host->submit(info.Env(), [plan = it.plan, inputs, steps, cancellation](Device&) -> Settle {
      const auto outcome = std::make_shared<RunOutcome>(plan->run(*inputs, steps, cancellation.get()));
      std::vector<SnDType> dtypes;
      for (const Port& port : plan->outputs()) dtypes.push_back(port.dtype);
      return [outcome, dtypes](Napi::Env env) { return makeResult(env, *outcome, dtypes); };
    });
  });
}

Napi::Value PlanObject::trace(const Napi::CallbackInfo& info) {
  return guardPromise(info.Env(), [&] {
    static_cast<void>(parts());
    const TraceOptions options{readBoolean(info[1], "countNonFinite"), readBoolean(info[2], "updates")};
    const CancellationObject::Flag cancellation = CancellationObject::read(info[3]);
    const std::vector<GivenInput> given = readGiven(info[0]);
    const Parts it = parts();
    const auto inputs = std::make_shared<std::vector<RunInput>>(readInputs(given, it, 1));
    return it.host->submit(info.Env(), [plan = it.plan, inputs, options, cancellation](Device&) -> Settle {
      return [outcome = plan->trace(*inputs, options, cancellation.get())](Napi::Env env) {
        return makeTrace(env, outcome);
      };
    });
  });
}

std::vector<PlanObject::GivenInput> PlanObject::readGiven(const Napi::Value& value) {
  const Napi::Array array = readArray(value, "inputs");
  std::vector<GivenInput> given;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const std::string argument = "inputs[" + std::to_string(i) + "]";
    const Napi::Object object = readObject(array.Get(i), argument);
    const bool perStep = readBoolean(object.Get("perStep"), argument + ".perStep");
    const Napi::Value offset = object.Get("byteOffset");
    const int64_t byteOffset = offset.IsUndefined() ? 0 : readInteger(offset, argument + ".byteOffset", 0, kMostOffset);
    given.push_back({object.Get("data"), perStep, byteOffset});
  }
  return given;
}

std::vector<RunInput> PlanObject::readInputs(const std::vector<GivenInput>& given, const Parts& parts, int64_t steps) {
  const std::vector<Port>& ports = parts.plan->inputs();
  if (given.size() != ports.size()) {
    throw Error("ERR_INVALID_ARGUMENT", "Expected " + std::to_string(ports.size()) +
                                            " inputs for this plan but received " + std::to_string(given.size()));
  }
  std::vector<RunInput> inputs;
  for (size_t i = 0; i < ports.size(); ++i) inputs.push_back(readInput(given[i], ports[i], *parts.host, steps));
  reportInputs(Env(), inputs, *parts.plan);
  return inputs;
}

// The plan allocates memory for an input when it is first given as a typed array: that is when it is reported.
void PlanObject::reportInputs(Napi::Env env, const std::vector<RunInput>& inputs, const Plan& plan) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].resident != nullptr || inputIsReported_[i]) continue;
    inputIsReported_[i] = true;
    counted_.addBytes(env, plan.inputs()[i].bytes);
  }
}

RunInput PlanObject::readInput(const GivenInput& given, const Port& port, const DeviceHost& host, int64_t steps) {
  const std::string argument = "the input '" + port.name + "'";
  RunInput input;
  input.perStep = given.perStep;
  int64_t received = 0;
  const int64_t times = input.perStep ? steps : 1;
  if (LandingObject* object = LandingObject::from(given.data)) {
    input.landing = object->landing();
    input.landingOffset = given.byteOffset;
    if (object->host() != &host) throwInvalid(argument, "a landing of the plan's device", given.data);
    if (object->dtype() != port.dtype) {
      throwInvalid(argument, std::string("an upload of dtype ") + dtypeName(port.dtype), given.data);
    }
    const int64_t uploaded = object->uploadedBytes() - given.byteOffset;
    received = uploaded < times * port.bytes ? uploaded : times * port.bytes;  // what follows is of other steps
  } else if (BufferObject* buffer = BufferObject::from(given.data)) {
    input.resident = buffer->resident();
    if (buffer->host() != &host) throwInvalid(argument, "a resident buffer of the plan's device", given.data);
    received = input.resident->bytes();
  } else {
    Bytes bytes = readBytes(given.data, argument);
    if (bytes.dtype != port.dtype) {
      throwInvalid(argument, std::string("data of dtype ") + dtypeName(port.dtype), given.data);
    }
    received = static_cast<int64_t>(bytes.data.size());
    input.data = std::move(bytes.data);
  }
  if (received % times != 0 || received / times != port.bytes) {
    throw Error("ERR_INVALID_ARGUMENT", "Expected " + std::to_string(port.bytes) + " bytes" +
                                            (input.perStep ? " for each of " + std::to_string(steps) + " steps" : "") +
                                            " for " + argument + " but received " + std::to_string(received));
  }
  return input;
}

Napi::Value PlanObject::dispose(const Napi::CallbackInfo& info) {
  dispose(info.Env());
  return info.Env().Undefined();
}

void PlanObject::dispose(Napi::BasicEnv env) {
  if (parts_.plan == nullptr) return;
  parts_.host->post([plan = parts_.plan](Device& device) { device.discard(*plan); });
  parts_ = {};
  counted_.end(env);
}

}  // namespace saturnn
