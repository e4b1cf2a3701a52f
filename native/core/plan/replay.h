// A plan's step as one captured graph of the backend, and the loop over many steps without asking the host in between.
// On the device, inputs that differ from step to step are copied to where the graph reads them, and the results of each
// step to where the host reads them at the end.
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

// One result of a step, at a fixed place.
struct ResultPlace {
  const char* data;
  int64_t bytes;
};

// An input that differs in every step: `data` on the host holds the values of all steps, or `landed` on the device.
struct StepInput {
  char* place;
  const uint8_t* data;
  const char* landed;  // null: they are in `data`
  int64_t bytes;
};

class Replay {
 public:
  // The work of a step: `compute` enqueues all kernels before the first that writes state, `write` the others.
  struct Step {
    std::function<void()> compute;
    std::function<void()> write;
    std::vector<ResultPlace> results;
    int32_t* gate;  // null: the run is never stopped
    int32_t* skip;  // null: no step is skipped
  };

  // Whether the backend can capture graphs.
  static bool isSupported(const SnBackend& backend) { return backend.begin_capture != nullptr; }

  Replay(Device& device, const Step& step);

  struct Outcome {
    int steps;     // whose gate was open
    bool stopped;  // the gate was closed in the step after these
  };
  // Appends the results of each step to `results`, also those of a step that was stopped. `check` is called before each
  // step and may throw. Waits for the device after `together` steps at the latest.
  Outcome run(const std::vector<StepInput>& inputs, int steps, int together, std::vector<std::vector<uint8_t>>& results,
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
  DeviceMemory halt_;         // {stopped, steps done}
  DeviceMemory lastResults_;  // of one step: where the graph leaves them
  DeviceMemory allResults_;   // of a chunk of steps
  DeviceMemory allInputs_;
  std::unique_ptr<SnGraph, GraphDeleter> graph_;
};

}  // namespace saturnn
