// A plan's step as one captured graph of the backend, and the loop over many steps without asking the host in between:
// what differs from step to step is copied, on the device, to where the graph reads it, and what a step gives to where
// the host finds it at the end.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/device.h"

namespace saturnn {

struct GraphDeleter {
  const SnBackend* backend;
  void operator()(SnGraph* graph) const { backend->destroy_graph(graph); }
};

// A part of a step's results, at a fixed place.
struct ResultPlace {
  const char* data;
  int64_t bytes;
};

// An input that is another in every step: `data` holds those of all steps, on the host.
struct StepInput {
  char* place;
  const uint8_t* data;
  int64_t bytes;
};

class Replay {
 public:
  // What a step enqueues: all kernels before the first that writes state, and the others.
  struct Step {
    std::function<void()> compute;
    std::function<void()> write;
    std::vector<ResultPlace> results;
    int32_t* gate;  // null: nothing stops the run
    int32_t* skip;  // null: no step is skipped
  };

  // Whether the backend can.
  static bool isSupported(const SnBackend& backend) { return backend.begin_capture != nullptr; }

  Replay(Device& device, const Step& step);

  struct Outcome {
    int steps;     // that wrote
    bool stopped;  // by the gate, in the step after these
  };
  // Appends each step's results to `results`, those of a step that was stopped included. `check` is called before each
  // step and may throw.
  Outcome run(const std::vector<StepInput>& inputs, int steps, std::vector<std::vector<uint8_t>>& results,
              const std::function<void()>& check);

 private:
  void capture(const Step& step);
  Outcome runChunk(const std::vector<StepInput>& inputs, int first, int steps,
                   std::vector<std::vector<uint8_t>>& results, const std::function<void()>& check);
  int chunkSteps(const std::vector<StepInput>& inputs) const;

  Device& device_;
  std::vector<ResultPlace> results_;
  std::vector<int64_t> resultOffsets_;
  int64_t resultBytes_ = 0;
  bool hasGate_;
  DeviceMemory halt_;        // {stopped, steps done}
  DeviceMemory lastResults_;  // of one step: where the graph leaves them
  DeviceMemory allResults_;   // of a chunk of steps
  DeviceMemory allInputs_;
  std::unique_ptr<SnGraph, GraphDeleter> graph_;
};

}  // namespace saturnn
