// See engines.h.
#include "engines.h"

#include <algorithm>

namespace emulated_cudnn {

bool Engine::has(cudnnBackendNumericalNote_t note) const {
  return std::find(notes.begin(), notes.end(), note) != notes.end();
}

std::vector<Engine> enginesOf(const GraphTraits& graph) {
  constexpr auto kTensorCore = CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
  constexpr auto kRounds = CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS;
  constexpr auto kVaries = CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC;
  constexpr auto kCompiled = CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION;
  const int64_t workspace = (graph.largestTensor + 511) / 256 * 256;
  if (graph.isFused) {
    return {{75, {kTensorCore}, {kCompiled}, 0, true}, {76, {kTensorCore}, {kCompiled}, workspace, false}};
  }
  if (graph.isHalf) {
    return {{0, {kTensorCore, kVaries}, {}, 0, false},
            {1, {kTensorCore}, {}, workspace, false},
            {70, {kTensorCore}, {kCompiled}, 0, true}};
  }
  return {{0, {kVaries}, {}, workspace, false},
          {1, {}, {}, workspace, false},
          {5, {}, {}, 0, false},
          {66, {kTensorCore, kRounds}, {}, 0, false},
          {70, {kTensorCore}, {kCompiled}, 0, true}};
}

std::vector<Engine> ranked(const GraphTraits& graph, cudnnBackendHeurMode_t mode) {
  std::vector<Engine> engines = enginesOf(graph);
  if (mode == CUDNN_HEUR_MODE_FALLBACK) {
    engines.erase(engines.begin() + 1, engines.end() - 1);
  } else if (mode != CUDNN_HEUR_MODE_B) {
    std::reverse(engines.begin(), engines.end());  // tensor cores first
  }
  return engines;
}

}  // namespace emulated_cudnn
