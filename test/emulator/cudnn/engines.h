// The engines that the emulated cuDNN offers: enough for a policy to have to choose by numerical notes and workspace, as
// with the real ones. As on Hopper, only engines compiled at run time can fuse, and those for f32 use tensor cores (TF32).
#pragma once

#include <cudnn_backend.h>

#include <cstdint>
#include <vector>

namespace emulated_cudnn {

struct GraphTraits {
  bool isFused = false;       // more than one operation
  bool isHalf = false;        // bf16 or f16 images
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

// Returns all engines that can compute such a graph, by index.
std::vector<Engine> enginesOf(const GraphTraits& graph);

// Returns the engines in the order in which a heuristic mode proposes them.
std::vector<Engine> ranked(const GraphTraits& graph, cudnnBackendHeurMode_t mode);

constexpr cudnnBackendKnobType_t kKnob = CUDNN_KNOB_TYPE_TILE_SIZE;

}  // namespace emulated_cudnn
