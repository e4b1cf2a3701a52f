// The class NativePlan of lib/runtime/native.ts.
#pragma once

#include "addon/host.h"
#include "addon/wrapped.h"
#include "core/plan/plan.h"

namespace saturnn {

class PlanObject final : public Wrapped<PlanObject> {
 public:
  static constexpr const char* name = "NativePlan";
  struct Parts {
    std::shared_ptr<DeviceHost> host;
    std::shared_ptr<Plan> plan;
  };

  static void define(Napi::Env env);
  explicit PlanObject(const Napi::CallbackInfo& info);
  void Finalize(Napi::BasicEnv env) override { dispose(env); }

 private:
  Napi::Value kernels(const Napi::CallbackInfo& info);
  Napi::Value arenaBytes(const Napi::CallbackInfo& info);
  Napi::Value mostSteps(const Napi::CallbackInfo& info);
  Napi::Value run(const Napi::CallbackInfo& info);
  Napi::Value trace(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  void dispose(Napi::BasicEnv env);

  // An element of `inputs` as JavaScript gave it.
  struct GivenInput {
    Napi::Value data;
    bool perStep;
    int64_t byteOffset;  // within a landing; of no meaning for other data
  };

  // Throws ERR_DISPOSED.
  const Parts& parts() const;
  // Calls getters of the caller, which may dispose of this plan: comes before anything else is read.
  static std::vector<GivenInput> readGiven(const Napi::Value& value);
  std::vector<RunInput> readInputs(const std::vector<GivenInput>& given, const Parts& parts, int64_t steps);
  void reportInputs(Napi::Env env, const std::vector<RunInput>& inputs, const Plan& plan);
  static RunInput readInput(const GivenInput& given, const Port& port, const DeviceHost& host, int64_t steps);

  Parts parts_;
  // Copies that remain valid after dispose().
  std::vector<KernelSummary> kernels_;
  int64_t arenaBytes_;
  int mostSteps_;
  std::vector<bool> inputIsReported_;
  Counted counted_;
};

}  // namespace saturnn
