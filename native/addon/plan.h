// The class NativePlan of lib/runtime/native.ts.
#pragma once

#include "addon/environment.h"
#include "addon/host.h"
#include "core/plan/plan.h"

namespace saturnn {

class PlanObject final : public Napi::ObjectWrap<PlanObject> {
 public:
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
  Napi::Value run(const Napi::CallbackInfo& info);
  Napi::Value trace(const Napi::CallbackInfo& info);
  void dispose(const Napi::CallbackInfo& info) { dispose(info.Env()); }
  void dispose(Napi::BasicEnv env);

  // Throws ERR_DISPOSED.
  const std::shared_ptr<Plan>& plan() const;
  std::vector<RunInput> readInputs(const Napi::Value& value, int64_t steps);
  void reportInputs(Napi::Env env, const std::vector<RunInput>& inputs);
  RunInput readInput(const Napi::Value& value, const Port& port, int64_t steps) const;

  Parts parts_;
  // Copies that remain valid after dispose().
  std::vector<KernelSummary> kernels_;
  int64_t arenaBytes_;
  std::vector<bool> inputIsReported_;
  Counted counted_;
};

}  // namespace saturnn
