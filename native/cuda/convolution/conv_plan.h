// Finished plans for convolutions: which of cuDNN's engines may compute them, and how one that was chosen before is
// found again.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "cuda/convolution/conv_graph.h"

namespace saturnn::cuda {

// Which engines a plan may use. The defaults are strict f32 (no TF32: tensor cores round f32 inputs to 10 bits) and
// results that do not change from run to run.
struct ConvPolicy {
  bool tensorCores = false;
  bool deterministic = true;
  int64_t workspaceLimit = int64_t{1} << 30;

  std::string text() const;
};

// An engine and how its knobs (tile sizes and the like) are set: enough to make the same plan again.
struct EngineChoice {
  int64_t engine = -1;
  std::vector<std::pair<int32_t, int64_t>> knobs;

  bool operator==(const EngineChoice& other) const { return engine == other.engine && knobs == other.knobs; }
  std::string text() const;                                        // "34:2=5,14=3"
  static std::optional<EngineChoice> parse(const std::string& text);  // none if that is not what text() gives
};

struct ConvPointers {
  void* x;
  void* w;
  void* y;
  float* bias;  // null without one
  // Of a data gradient whose epilogue has an activation: what that gave, [n, h, w, c]; else null.
  const void* activated;
};

class ConvPlan {
 public:
  // The first plan, in the order of cuDNN's heuristics, that the policy allows and that finalises. Throws an Error
  // with what each candidate said if there is none.
  static ConvPlan first(const GraphTarget& target, const ConvSpec& spec, const ConvPolicy& policy);

  // At most `most` of them: those of both heuristics, in their order, without repetition. Empty if there is none.
  static std::vector<ConvPlan> several(const GraphTarget& target, const ConvSpec& spec, const ConvPolicy& policy,
                                       size_t most);

  // The plan of a choice, or none if this cuDNN does not make it any more, or the policy does not allow it.
  static std::optional<ConvPlan> again(const GraphTarget& target, const ConvSpec& spec, const ConvPolicy& policy,
                                       const EngineChoice& choice);

  int64_t workspaceBytes() const { return workspaceBytes_; }
  const EngineChoice& choice() const { return choice_; }
  bool isCompiledAtRunTime() const { return compiled_; }
  // "cudnn:engine70": cuDNN's number of the engine.
  std::string name() const { return "cudnn:engine" + std::to_string(choice_.engine); }

  // Device pointers, 16-byte aligned. The one that the pass computes is written (y, x or w). Neither allocates nor waits.
  void execute(cudnnHandle_t handle, const ConvPointers& pointers, void* workspace);

 private:
  // Throws an Error that says why the policy or cuDNN refuses the configuration.
  ConvPlan(const GraphTarget& target, const ConvGraph& graph, const Descriptor& configuration,
           const ConvPolicy& policy, const ConvSpec& spec);

  friend class ConvPlanSearch;

  const CudnnApi* api_;
  std::unique_ptr<Descriptor> plan_;
  std::unique_ptr<Descriptor> pack_;  // of the last run: addresses repeat from step to step
  std::vector<const void*> packed_;
  std::unique_ptr<std::vector<float>> scalars_;  // their addresses stay when the plan is moved
  bool hasBias_ = false, hasActivated_ = false;
  int64_t workspaceBytes_ = 0;
  EngineChoice choice_;
  bool compiled_ = false;
};

}  // namespace saturnn::cuda
