// The engines that are claimed to exist: enough that a policy has to choose by numerical notes and workspace, as with
// the real ones. On Hopper the f32 engines that are compiled at run time, which alone fuse, use tensor cores (TF32).
#pragma once

#include <cudnn_backend.h>

#include <cstdint>
#include <vector>

namespace emulated_cudnn {

struct GraphTraits {
  bool isFused = false;  // more than one operation
  bool isHalf = false;   // bf16 or f16 images
  int64_t largestTensor = 0;  // bytes
};

struct Engine {
  int64_t index;
  std::vector<cudnnBackendNumericalNote_t> notes;
  std::vector<cudnnBackendBehaviorNote_t> behavior;
  int64_t workspace;
  bool hasKnob;  // one knob, whose choice changes nothing

  bool has(cudnnBackendNumericalNote_t note) const;
};

// All that can compute such a graph, by index.
std::vector<Engine> enginesOf(const GraphTraits& graph);

// The order in which a heuristic mode proposes them.
std::vector<Engine> ranked(const GraphTraits& graph, cudnnBackendHeurMode_t mode);

constexpr cudnnBackendKnobType_t kKnob = CUDNN_KNOB_TYPE_TILE_SIZE;

}  // namespace emulated_cudnn
