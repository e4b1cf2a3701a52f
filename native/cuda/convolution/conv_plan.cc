// See conv_plan.h. Everything here but execute() needs no GPU, given a description of one.
#include "cuda/convolution/conv_plan.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "shared/error.h"

namespace saturnn::cuda {
namespace {

// Returns why the policy refuses an engine with these notes for this spec; empty if it allows it.
std::string objection(const ConvPolicy& policy, const Descriptor& engine) {
  cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
  const int64_t count =
      engine.get(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT, notes);
  const auto has = [&](cudnnBackendNumericalNote_t note) {
    return std::find(notes, notes + count, note) != notes + count;
  };
  if (!policy.tensorCores && has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE)) return "uses tensor cores";
  // Engines with this note convert f32 images to halves, even to f16, whose range is too small for gradients. TF32,
  // which all f32 engines on tensor cores use, does not set it.
  if (has(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS)) return "rounds its inputs";
  if (has(CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION)) return "reduces in lower precision";
  if (policy.deterministic && has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC)) return "is not deterministic";
  return "";
}

bool isRuntimeCompiled(const Descriptor& engine) {
  cudnnBackendBehaviorNote_t notes[CUDNN_BEHAVIOR_NOTE_TYPE_COUNT];
  const int64_t count =
      engine.get(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE, CUDNN_BEHAVIOR_NOTE_TYPE_COUNT, notes);
  return std::find(notes, notes + count, CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION) != notes + count;
}

Descriptor engineOf(const CudnnApi& api, const Descriptor& configuration) {
  std::vector<Descriptor> engine = makeDescriptors(api, CUDNN_BACKEND_ENGINE_DESCRIPTOR, "engine", 1);
  configuration.get(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
  return std::move(engine[0]);
}

EngineChoice choiceOf(const CudnnApi& api, const Descriptor& engine, const Descriptor& configuration) {
  EngineChoice choice;
  choice.engine = engine.getInteger(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, -1);
  std::vector<Descriptor> knobs =
      makeDescriptors(api, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, "knob choice", CUDNN_KNOB_TYPE_COUNTS);
  const int64_t count = configuration.get(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, knobs);
  for (int64_t i = 0; i < count; ++i) {
    cudnnBackendKnobType_t type{};
    if (knobs[i].get(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &type) != 1) continue;
    choice.knobs.emplace_back(type, knobs[i].getInteger(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, 0));
  }
  std::sort(choice.knobs.begin(), choice.knobs.end());
  return choice;
}

Descriptor configurationOf(const GraphTarget& target, const ConvGraph& graph, const EngineChoice& choice) {
  const CudnnApi& api = target.api;
  Descriptor engine(api, CUDNN_BACKEND_ENGINE_DESCRIPTOR, "engine");
  engine.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph.operations);
  engine.set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, {choice.engine});
  if (target.deviceProperties) engine.set(CUDNN_ATTR_ENGINE_DEVICEPROP, *target.deviceProperties);
  engine.finalize();
  std::vector<Descriptor> knobs;
  for (const auto& [type, value] : choice.knobs) {
    const auto knobType = static_cast<cudnnBackendKnobType_t>(type);
    Descriptor knob(api, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, "knob choice");
    knob.set(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &knobType);
    knob.set(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, {value});
    knob.finalize();
    knobs.push_back(std::move(knob));
  }
  std::vector<const Descriptor*> pointers;
  for (const Descriptor& knob : knobs) pointers.push_back(&knob);
  Descriptor configuration(api, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, "engine configuration");
  configuration.set(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
  if (!pointers.empty()) configuration.setAll(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, pointers);
  configuration.finalize();
  return configuration;
}

}  // namespace

// Iterates over the configurations that cuDNN's heuristics propose for a graph.
class ConvPlanSearch {
 public:
  ConvPlanSearch(const GraphTarget& target, const ConvSpec& spec, const ConvPolicy& policy)
      : target_(target), policy_(policy), spec_(spec), graph_(makeConvGraph(target, spec)) {}

  std::vector<ConvPlan> plans;
  std::string reasons;  // why configurations were refused

  const ConvGraph& graph() const { return graph_; }

  void tryMode(cudnnBackendHeurMode_t mode, size_t most) {
    constexpr int kMostConfigurations = 64;
    const CudnnApi& api = target_.api;
    try {
      Descriptor heuristics(api, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "engine heuristics");
      heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph_.operations);
      heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
      if (target_.deviceProperties) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *target_.deviceProperties);
      heuristics.finalize();
      std::vector<Descriptor> configurations =
          makeDescriptors(api, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, "engine configuration", kMostConfigurations);
      const int64_t count = heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, configurations);
      for (int64_t i = 0; i < count && plans.size() < most; ++i) tryConfiguration(configurations[i]);
    } catch (const Error& failure) {
      reasons += std::string(" [") + failure.what() + "]";
    }
  }

  void tryConfiguration(const Descriptor& configuration) {
    try {
      const Descriptor engine = engineOf(target_.api, configuration);
      const EngineChoice choice = choiceOf(target_.api, engine, configuration);
      if (std::find(tried_.begin(), tried_.end(), choice) != tried_.end()) return;
      tried_.push_back(choice);
      plans.push_back(ConvPlan(target_, graph_, configuration, policy_, spec_));
    } catch (const Error& failure) {
      reasons += std::string(" [") + failure.what() + "]";
    }
  }

 private:
  const GraphTarget target_;
  const ConvPolicy policy_;
  const ConvSpec spec_;
  const ConvGraph graph_;
  std::vector<EngineChoice> tried_;
};

std::string ConvPolicy::text() const {
  return std::string(tensorCores ? "tensorCores" : "strict") + (deterministic ? " deterministic " : " any ") +
         std::to_string(workspaceLimit);
}

std::string EngineChoice::text() const {
  std::string text = std::to_string(engine) + ":";
  for (size_t i = 0; i < knobs.size(); ++i) {
    text += (i ? "," : "") + std::to_string(knobs[i].first) + "=" + std::to_string(knobs[i].second);
  }
  return text;
}

std::optional<EngineChoice> EngineChoice::parse(const std::string& text) {
  EngineChoice choice;
  const char* at = text.c_str();
  char* end = nullptr;
  choice.engine = std::strtoll(at, &end, 10);
  if (end == at || *end != ':' || choice.engine < 0) return std::nullopt;
  for (at = end + 1; *at; at = *end == ',' ? end + 1 : end) {
    const long type = std::strtol(at, &end, 10);
    if (end == at || *end != '=') return std::nullopt;
    at = end + 1;
    const long long value = std::strtoll(at, &end, 10);
    if (end == at || (*end != ',' && *end != '\0')) return std::nullopt;
    choice.knobs.emplace_back(static_cast<int32_t>(type), value);
  }
  return choice;
}

ConvPlan ConvPlan::first(const GraphTarget& target, const ConvSpec& spec, const ConvPolicy& policy) {
  ConvPlanSearch search(target, spec, policy);
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_FALLBACK}) {
    search.tryMode(mode, 1);
    if (!search.plans.empty()) return std::move(search.plans[0]);
  }
  throw Error("ERR_CUDNN",
              "cuDNN has no plan for this convolution (" + spec.text() + ", " + policy.text() + ")." + search.reasons);
}

std::vector<ConvPlan> ConvPlan::several(const GraphTarget& target, const ConvSpec& spec, const ConvPolicy& policy,
                                        size_t most) {
  ConvPlanSearch search(target, spec, policy);
  // Each heuristic may fill half of the list; places that the first does not use go to the second.
  search.tryMode(CUDNN_HEUR_MODE_A, (most + 1) / 2);
  search.tryMode(CUDNN_HEUR_MODE_B, most);
  search.tryMode(CUDNN_HEUR_MODE_A, most);
  if (search.plans.empty()) search.tryMode(CUDNN_HEUR_MODE_FALLBACK, 1);
  return std::move(search.plans);
}

std::optional<ConvPlan> ConvPlan::again(const GraphTarget& target, const ConvSpec& spec, const ConvPolicy& policy,
                                        const EngineChoice& choice) {
  try {
    const ConvGraph graph = makeConvGraph(target, spec);
    return ConvPlan(target, graph, configurationOf(target, graph, choice), policy, spec);
  } catch (const Error&) {
    return std::nullopt;
  }
}

ConvPlan::ConvPlan(const GraphTarget& target, const ConvGraph& graph, const Descriptor& configuration,
                   const ConvPolicy& policy, const ConvSpec& spec)
    : api_(&target.api),
      scalars_(std::make_unique<std::vector<float>>(graph.scalars)),
      hasBias_(spec.epilogue.bias),
      hasActivated_(spec.pass == ConvPass::dataGradient && spec.epilogue.activation != SN_NO_ACTIVATION) {
  const Descriptor engine = engineOf(*api_, configuration);
  choice_ = choiceOf(*api_, engine, configuration);
  compiled_ = isRuntimeCompiled(engine);
  const auto refuse = [&](const std::string& why) {
    throw Error("ERR_CUDNN", "engine " + std::to_string(choice_.engine) + " " + why);
  };
  const std::string refusal = objection(policy, engine);
  if (!refusal.empty()) refuse(refusal);

  plan_ = std::make_unique<Descriptor>(*api_, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "execution plan");
  if (target.handle) plan_->set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &target.handle);
  if (target.deviceProperties) plan_->set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *target.deviceProperties);
  plan_->set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
  try {
    plan_->finalize();
  } catch (const Error& failure) {
    refuse(std::string(": ") + failure.what());
  }
  workspaceBytes_ = plan_->getInteger(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, 0);
  if (workspaceBytes_ > policy.workspaceLimit) {
    refuse("wants a workspace of " + std::to_string(workspaceBytes_) + " bytes");
  }
}

void ConvPlan::execute(cudnnHandle_t handle, const ConvPointers& pointers, void* workspace) {
  std::vector<int64_t> ids = {kX, kW, kY};
  std::vector<const void*> addresses = {pointers.x, pointers.w, pointers.y};
  if (hasBias_) {
    ids.push_back(kBias);
    addresses.push_back(pointers.bias);
  }
  if (hasActivated_) {
    ids.push_back(kActivated);
    addresses.push_back(pointers.activated);
  }
  for (size_t i = 0; i < scalars_->size(); ++i) {
    ids.push_back(kScalars + static_cast<int64_t>(i));
    addresses.push_back(&(*scalars_)[i]);
  }
  std::vector<const void*> all = addresses;
  all.push_back(workspace);
  if (!pack_ || all != packed_) {
    pack_ = std::make_unique<Descriptor>(*api_, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "variant pack");
    pack_->set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids);
    pack_->set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, static_cast<int64_t>(addresses.size()),
               addresses.data());
    pack_->set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
    pack_->finalize();
    packed_ = std::move(all);
  }
  checkCudnn(*api_, api_->execute(handle, plan_->raw(), pack_->raw()), "running " + name());
}

}  // namespace saturnn::cuda
