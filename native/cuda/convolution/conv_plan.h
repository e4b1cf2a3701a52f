// Finalised cuDNN plans for convolutions: which engines may be used, and how a plan that was chosen before is made
// again.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "cuda/convolution/conv_graph.h"

namespace saturnn::cuda {

// The engines that a plan may use. The defaults are strict f32 (no TF32: tensor cores round f32 inputs to 10 bits) and
// results that are the same in every run.
struct ConvPolicy {
  bool tensorCores = false;
  bool deterministic = true;
  int64_t workspaceLimit = int64_t{1} << 30;

  std::string text() const;
};

// An engine and the values of its knobs (tile sizes and the like): enough to make the same plan again.
struct EngineChoice {
  int64_t engine = -1;
  std::vector<std::pair<int32_t, int64_t>> knobs;

  bool operator==(const EngineChoice& other) const { return engine == other.engine && knobs == other.knobs; }
  std::string text() const;                                           // "34:2=5,14=3"
  static std::optional<EngineChoice> parse(const std::string& text);  // none if `text` is not a result of text()
};

struct ConvPointers {
  void* x;
  void* w;
  void* y;
  float* bias;  // null without one
  // For a data gradient whose epilogue has an activation: the output of that activation, [n, h, w, c]; else null.
  const void* activated;
};

class ConvPlan {
 public:
  // Returns the first plan, in the order of cuDNN's heuristics, that the policy allows and that can be finalised. If
  // there is none, throws an Error with the message of each candidate.
  static ConvPlan first(const GraphTarget& target, const ConvSpec& spec, const ConvPolicy& policy);

  // Returns at most `most` plans of both heuristics, in their order, without repetition. Empty if there is none.
  static std::vector<ConvPlan> several(const GraphTarget& target, const ConvSpec& spec, const ConvPolicy& policy,
                                       size_t most);

  // Returns the plan of a choice, or none if this cuDNN cannot make it any more or the policy does not allow it.
  static std::optional<ConvPlan> again(const GraphTarget& target, const ConvSpec& spec, const ConvPolicy& policy,
                                       const EngineChoice& choice);

  int64_t workspaceBytes() const { return workspaceBytes_; }
  const EngineChoice& choice() const { return choice_; }
  bool isCompiledAtRunTime() const { return compiled_; }
  // Returns "cudnn:engine70", with cuDNN's number of the engine.
  std::string name() const { return "cudnn:engine" + std::to_string(choice_.engine); }

  // Enqueues the plan. Device pointers, 16-byte aligned; the pass writes y, x or w. Neither allocates nor waits.
  void execute(cudnnHandle_t handle, const ConvPointers& pointers, void* workspace);

 private:
  // Throws an Error that says why the policy or cuDNN refuses the configuration.
  ConvPlan(const GraphTarget& target, const ConvGraph& graph, const Descriptor& configuration, const ConvPolicy& policy,
           const ConvSpec& spec);

  friend class ConvPlanSearch;

  const CudnnApi* api_;
  std::unique_ptr<Descriptor> plan_;
  std::unique_ptr<Descriptor> pack_;  // of the last run, because the addresses are often the same in the next step
  std::vector<const void*> packed_;
  std::unique_ptr<std::vector<float>> scalars_;  // on the heap: moving the plan keeps their addresses
  bool hasBias_ = false, hasActivated_ = false;
  int64_t workspaceBytes_ = 0;
  EngineChoice choice_;
  bool compiled_ = false;
};

}  // namespace saturnn::cuda
