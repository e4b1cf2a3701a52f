// See cudnn_graph.h. Everything here but execute() needs no GPU, given a description of one.
#include "cudnn_graph.h"

#include <algorithm>

#include "../error.h"

namespace saturnn {
namespace {

// Unique ids of the tensors of a convolution graph.
enum : int64_t { kX = 1, kW = 2, kY = 3 };

std::string lastError(const CudnnApi& api, cudnnStatus_t status) {
  char detail[1024] = "";
  api.getLastErrorString(detail, sizeof detail);
  return std::string(api.getErrorString(status)) + (detail[0] ? std::string(": ") + detail : std::string());
}

void check(const CudnnApi& api, cudnnStatus_t status, const std::string& call) {
  if (status != CUDNN_STATUS_SUCCESS) throw Error("ERR_CUDNN", call + " failed: " + lastError(api, status));
}

// cuDNN counts dimensions as [batch, channels, height, width]; the order in memory is said by the strides.
Descriptor channelsLast(const CudnnApi& api, int64_t id, int64_t n, int64_t h, int64_t w, int64_t c) {
  Descriptor tensor(api, CUDNN_BACKEND_TENSOR_DESCRIPTOR, "tensor");
  tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, {id});
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_DATA_FLOAT);
  tensor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, {16});
  tensor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, {n, c, h, w});
  tensor.set(CUDNN_ATTR_TENSOR_STRIDES, {h * w * c, 1, w * c, c});
  tensor.finalize();
  return tensor;
}

Descriptor convolution(const CudnnApi& api, const ConvProblem& problem) {
  Descriptor conv(api, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, "convolution");
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  conv.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
  conv.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  conv.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, {2});
  conv.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, {1, 1});
  conv.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {problem.strideH, problem.strideW});
  conv.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {problem.padH, problem.padW});
  conv.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {problem.padH, problem.padW});
  conv.finalize();
  return conv;
}

// The attribute names of one pass: cuDNN has the same operation three times under different names.
struct PassNames {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t x, w, y, convolution, alpha, beta;
  const char* what;
};

constexpr PassNames kPasses[] = {
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, "convolution"},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, "convolution's data gradient"},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, "convolution's weight gradient"},
};

// An operation graph keeps its own references to what it is made of, so the parts may go out of scope here.
Descriptor convolutionGraph(const GraphTarget& target, const ConvProblem& problem, ConvPass pass) {
  const CudnnApi& api = target.api;
  const PassNames& names = kPasses[static_cast<int>(pass)];
  const Descriptor x = channelsLast(api, kX, problem.n, problem.h, problem.w, problem.c);
  const Descriptor w = channelsLast(api, kW, problem.o, problem.kh, problem.kw, problem.c);
  const Descriptor y = channelsLast(api, kY, problem.n, problem.oh, problem.ow, problem.o);
  const Descriptor conv = convolution(api, problem);

  Descriptor operation(api, names.type, names.what);
  const float one = 1.0f, zero = 0.0f;
  operation.set(names.x, x);
  operation.set(names.w, w);
  operation.set(names.y, y);
  operation.set(names.convolution, conv);
  operation.set(names.alpha, CUDNN_TYPE_FLOAT, 1, &one);
  operation.set(names.beta, CUDNN_TYPE_FLOAT, 1, &zero);
  operation.finalize();

  Descriptor graph(api, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "operation graph");
  if (target.handle) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &target.handle);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
  graph.finalize();
  return graph;
}

// Empty if the policy allows an engine with these notes, else why not.
std::string objection(const ConvPolicy& policy, const cudnnBackendNumericalNote_t* notes, int64_t count) {
  const auto has = [&](cudnnBackendNumericalNote_t note) {
    return std::find(notes, notes + count, note) != notes + count;
  };
  if (!policy.tensorCores) {
    if (has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE)) return "uses tensor cores";
    if (has(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS)) return "rounds its inputs";
    if (has(CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION)) return "reduces in lower precision";
  }
  if (policy.deterministic && has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC)) return "is not deterministic";
  return "";
}

}  // namespace

Descriptor::Descriptor(const CudnnApi& api, cudnnBackendDescriptorType_t type, const char* what)
    : api_(api), what_(what) {
  check(api_, api_.createDescriptor(type, &raw_), std::string("creating cuDNN's descriptor of the ") + what_);
}

Descriptor::Descriptor(Descriptor&& other) noexcept : api_(other.api_), what_(other.what_), raw_(other.raw_) {
  other.raw_ = nullptr;
}

Descriptor::~Descriptor() {
  if (raw_) api_.destroyDescriptor(raw_);
}

void Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                     const void* values) {
  check(api_, api_.setAttribute(raw_, name, type, count, values),
        "setting attribute " + std::to_string(name) + " of the " + what_);
}

void Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& value) {
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.raw_);
}

void Descriptor::set(cudnnBackendAttributeName_t name, const std::vector<int64_t>& values) {
  set(name, CUDNN_TYPE_INT64, static_cast<int64_t>(values.size()), values.data());
}

void Descriptor::set(cudnnBackendAttributeName_t name, cudnnDataType_t value) {
  set(name, CUDNN_TYPE_DATA_TYPE, 1, &value);
}

int64_t Descriptor::get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t capacity,
                        void* values) const {
  int64_t count = 0;
  const cudnnStatus_t status = api_.getAttribute(raw_, name, type, capacity, &count, values);
  return status == CUDNN_STATUS_SUCCESS ? std::min(count, capacity) : 0;
}

void Descriptor::finalize() { check(api_, api_.finalize(raw_), std::string("finalising the ") + what_); }

Descriptor describeDevice(const CudnnApi& api, const std::string& json) {
  Descriptor device(api, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, "device properties");
  device.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, static_cast<int64_t>(json.size()) + 1,
             json.c_str());
  device.finalize();
  return device;
}

ConvPlan::ConvPlan(const GraphTarget& target, const ConvProblem& problem, ConvPass pass, const ConvPolicy& policy)
    : api_(target.api) {
  const Descriptor graph = convolutionGraph(target, problem, pass);
  std::string reasons;
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_FALLBACK}) {
    if (tryMode(target, graph, mode, policy, reasons)) return;
  }
  throw Error("ERR_CUDNN", std::string("cuDNN has no plan for this ") + kPasses[static_cast<int>(pass)].what +
                               " under the precision asked for." + reasons);
}

bool ConvPlan::tryMode(const GraphTarget& target, const Descriptor& graph, cudnnBackendHeurMode_t mode,
                       const ConvPolicy& policy, std::string& reasons) {
  constexpr int kMostCandidates = 64;
  try {
    Descriptor heuristics(api_, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "engine heuristics");
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    if (target.deviceProperties) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *target.deviceProperties);
    heuristics.finalize();

    std::vector<Descriptor> configurations;
    std::vector<cudnnBackendDescriptor_t> raw;
    for (int i = 0; i < kMostCandidates; ++i) {
      configurations.emplace_back(api_, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, "engine configuration");
      raw.push_back(configurations.back().raw());
    }
    const int64_t count =
        heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, kMostCandidates, raw.data());
    for (int64_t i = 0; i < count; ++i) {
      std::string reason;
      if (tryConfiguration(target, configurations[i], policy, reason)) return true;
      reasons += " [" + reason + "]";
    }
  } catch (const Error& failure) {
    reasons += std::string(" [") + failure.what() + "]";
  }
  return false;
}

bool ConvPlan::tryConfiguration(const GraphTarget& target, const Descriptor& configuration, const ConvPolicy& policy,
                                std::string& reason) {
  try {
    const Descriptor engine(api_, CUDNN_BACKEND_ENGINE_DESCRIPTOR, "engine");
    cudnnBackendDescriptor_t rawEngine = engine.raw();
    configuration.get(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &rawEngine);
    int64_t index = -1;
    engine.get(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &index);
    reason = "engine " + std::to_string(index) + " ";

    cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
    const int64_t noteCount =
        engine.get(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT, notes);
    const std::string refusal = objection(policy, notes, noteCount);
    if (!refusal.empty()) {
      reason += refusal;
      return false;
    }

    auto plan = std::make_unique<Descriptor>(api_, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "execution plan");
    if (target.handle) plan->set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &target.handle);
    if (target.deviceProperties) plan->set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *target.deviceProperties);
    plan->set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
    plan->finalize();
    int64_t workspace = 0;
    plan->get(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &workspace);
    if (workspace > policy.workspaceLimit) {
      reason += "wants a workspace of " + std::to_string(workspace) + " bytes";
      return false;
    }
    plan_ = std::move(plan);
    workspaceBytes_ = workspace;
    name_ = "cudnn:engine" + std::to_string(index);
    return true;
  } catch (const Error& failure) {
    reason += failure.what();
    return false;
  }
}

void ConvPlan::execute(cudnnHandle_t handle, void* x, void* w, void* y, void* workspace) const {
  Descriptor pack(api_, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "variant pack");
  void* const pointers[] = {x, w, y};
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, {kX, kW, kY});
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 3, pointers);
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
  pack.finalize();
  check(api_, api_.execute(handle, plan_->raw(), pack.raw()), "running " + name_);
}

}  // namespace saturnn
