// Convolutions through cuDNN's graph API (the backend C API of cudnn_graph.h), wrapped so that descriptors are freed,
// every call is checked, and the rest of this backend sees one class: a finished plan for one pass of one convolution.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cudnn_api.h"

namespace saturnn {

// One cuDNN descriptor: created, filled, finalised, destroyed. `what` names it in error messages.
class Descriptor {
 public:
  Descriptor(const CudnnApi& api, cudnnBackendDescriptorType_t type, const char* what);
  Descriptor(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();

  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count, const void* values);
  void set(cudnnBackendAttributeName_t name, const Descriptor& value);
  void set(cudnnBackendAttributeName_t name, const std::vector<int64_t>& values);
  void set(cudnnBackendAttributeName_t name, cudnnDataType_t value);
  // The number of elements written; 0 if cuDNN does not know the attribute.
  int64_t get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t capacity, void* values) const;
  void finalize();
  cudnnBackendDescriptor_t raw() const { return raw_; }

 private:
  const CudnnApi& api_;
  const char* what_;
  cudnnBackendDescriptor_t raw_ = nullptr;
};

// What plans are made for: a device (its handle), or only its description, which needs no GPU (cuDNN >= 9.8).
struct GraphTarget {
  const CudnnApi& api;
  cudnnHandle_t handle = nullptr;
  const Descriptor* deviceProperties = nullptr;
};

// The finalised description of a device, from the JSON text that cuDNN serialises DeviceProperties to.
Descriptor describeDevice(const CudnnApi& api, const std::string& json);

// x [n, h, w, c], w [o, kh, kw, c], y [n, oh, ow, o]; all dense, in this order in memory.
struct ConvProblem {
  int64_t n, h, w, c;
  int64_t o, kh, kw;
  int64_t oh, ow;
  int64_t strideH, strideW, padH, padW;
};

enum class ConvPass { forward, dataGradient, weightGradient };

// Which engines a plan may use. The defaults are strict f32 (no TF32: tensor cores round f32 inputs to 10 bits) and
// results that do not change from run to run.
struct ConvPolicy {
  bool tensorCores = false;
  bool deterministic = true;
  int64_t workspaceLimit = int64_t{1} << 30;
};

class ConvPlan {
 public:
  // The first plan, in the order of cuDNN's heuristics, that the policy allows and that finalises. Throws an Error
  // with what each candidate said if there is none.
  ConvPlan(const GraphTarget& target, const ConvProblem& problem, ConvPass pass, const ConvPolicy& policy);

  int64_t workspaceBytes() const { return workspaceBytes_; }
  // "cudnn:engine70": cuDNN's number of the engine.
  const std::string& name() const { return name_; }

  // x, w, y: device pointers, 16-byte aligned. The one that `pass` computes is written (y, x or w).
  void execute(cudnnHandle_t handle, void* x, void* w, void* y, void* workspace) const;

 private:
  bool tryMode(const GraphTarget& target, const Descriptor& graph, cudnnBackendHeurMode_t mode,
               const ConvPolicy& policy, std::string& reasons);
  bool tryConfiguration(const GraphTarget& target, const Descriptor& configuration, const ConvPolicy& policy,
                        std::string& reason);

  const CudnnApi& api_;
  std::unique_ptr<Descriptor> plan_;
  int64_t workspaceBytes_ = 0;
  std::string name_;
};

}  // namespace saturnn
