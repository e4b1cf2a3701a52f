// See finalize.h.
#include "finalize.h"

#include <algorithm>

#include "engines.h"
#include "program.h"
#include "schema.h"

namespace emulated_cudnn {
namespace {

[[noreturn]] void refuse(const std::string& message) { throw Failure{CUDNN_STATUS_BAD_PARAM, message}; }

ContentPointer partOf(const Content& content, cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type) {
  const ContentPointer part = content.descriptor(name);
  if (part->type != type) refuse("attribute " + std::to_string(name) + " is a descriptor of another type");
  return part;
}

void finalizeTensor(const Content& content) {
  const auto type = content.value(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_DATA_FLOAT);
  if (!isSupported(type)) throw Failure{CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, "data type " + std::to_string(type)};
  const auto dimensions = content.integers(CUDNN_ATTR_TENSOR_DIMENSIONS);
  const auto strides = content.integers(CUDNN_ATTR_TENSOR_STRIDES);
  if (dimensions.empty() || dimensions.size() != strides.size()) refuse("as many strides as dimensions are needed");
  for (const auto& values : {dimensions, strides}) {
    for (const int64_t value : values) {
      if (value < 1) refuse("a dimension or stride of a tensor is not positive");
    }
  }
  const TensorInfo tensor(content);
  if (tensor.alignment < 1 || tensor.alignment % elementBytes(type) != 0) {
    refuse("an alignment that the size of an element does not divide");
  }
  if (tensor.isVirtual && tensor.isByValue) refuse("a tensor that is virtual and given by value");
  if (tensor.isByValue && tensor.elements() != 1) refuse("a tensor by value of more than one element");
  // Elements must not overlap: in the order of strides, each stride must be at least the extent of the smaller ones.
  std::vector<std::pair<int64_t, int64_t>> axes;
  for (size_t i = 0; i < dimensions.size(); ++i) {
    if (dimensions[i] > 1) axes.emplace_back(strides[i], dimensions[i]);
  }
  std::sort(axes.begin(), axes.end());
  int64_t reach = 1;
  for (const auto& [stride, length] : axes) {
    if (stride < reach) refuse("strides by which elements of a tensor overlap");
    reach = stride * (length - 1) + reach;
  }
}

void finalizeConvolution(const Content& content) {
  const auto count = static_cast<size_t>(content.value<int64_t>(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 0));
  for (const auto name : {CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES,
                          CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS}) {
    const bool isPadding = name == CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS || name == CUDNN_ATTR_CONVOLUTION_POST_PADDINGS;
    const auto values = content.integers(name);
    if (values.size() != count) refuse("a convolution's attributes do not agree about its dimensions");
    for (const int64_t value : values) {
      if (value < (isPadding ? 0 : 1)) refuse("a stride, dilation or padding of a convolution is too small");
    }
  }
}

void finalizeGraph(Content& content) {
  content.program = std::make_shared<Program>(content.descriptors(CUDNN_ATTR_OPERATIONGRAPH_OPS));
  content.put<int64_t>(CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT, CUDNN_TYPE_INT64,
                       {enginesOf(content.program->traits()).back().index + 1});
}

const Engine& engineOf(const std::vector<Engine>& engines, int64_t index) {
  for (const Engine& engine : engines) {
    if (engine.index == index) return engine;
  }
  throw Failure{CUDNN_STATUS_NOT_SUPPORTED, "engine " + std::to_string(index) + " does not compute this graph"};
}

void finalizeEngine(Content& content) {
  const ContentPointer graph =
      partOf(content, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  content.program = graph->program;
  const std::vector<Engine> engines = enginesOf(content.program->traits());
  const Engine& engine = engineOf(engines, content.value<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, -1));
  content.put(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, engine.notes);
  content.put(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE, engine.behavior);
}

ContentPointer knobChoice() {
  auto choice = std::make_shared<Content>(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
  choice->put<cudnnBackendKnobType_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, {kKnob});
  choice->put<int64_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, {3});
  choice->finalized = true;
  return choice;
}

void finalizeHeuristics(Content& content) {
  const ContentPointer graph =
      partOf(content, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  std::vector<ContentPointer> results;
  for (const Engine& proposed :
       ranked(graph->program->traits(), content.value(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_HEUR_MODE_A))) {
    auto engine = std::make_shared<Content>(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    engine->putDescriptors(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, {graph});
    engine->put<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, {proposed.index});
    finalize(*engine);
    auto configuration = std::make_shared<Content>(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    configuration->putDescriptors(CUDNN_ATTR_ENGINECFG_ENGINE, {engine});
    if (proposed.hasKnob) configuration->putDescriptors(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, {knobChoice()});
    finalize(*configuration);
    results.push_back(configuration);
  }
  content.putDescriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS, results);
}

void finalizeConfiguration(Content& content) {
  const ContentPointer engine = partOf(content, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  content.program = engine->program;
  const std::vector<Engine> engines = enginesOf(engine->program->traits());
  const bool hasKnob = engineOf(engines, engine->value<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, -1)).hasKnob;
  for (const ContentPointer& choice : content.descriptors(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES)) {
    const auto type = choice->value(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_KNOB_TYPE_COUNTS);
    if (!hasKnob || type != kKnob) refuse("a choice for knob " + std::to_string(type) + ", which the engine lacks");
  }
}

void finalizePlan(Content& content) {
  const ContentPointer configuration =
      partOf(content, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  if (!content.has(CUDNN_ATTR_EXECUTION_PLAN_HANDLE) && !content.has(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP)) {
    refuse("an execution plan needs a handle or a description of the device");
  }
  content.program = configuration->program;
  const int64_t index =
      configuration->descriptor(CUDNN_ATTR_ENGINECFG_ENGINE)->value<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, -1);
  const std::vector<Engine> engines = enginesOf(content.program->traits());
  const int64_t workspace = engineOf(engines, index).workspace;
  content.put<int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, {workspace});
}

void finalizePack(const Content& content) {
  auto ids = content.integers(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  if (ids.size() != content.integers(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS).size()) {
    refuse("a variant pack has as many ids as pointers");
  }
  std::sort(ids.begin(), ids.end());
  if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) {
    throw Failure{CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES, "a variant pack names a tensor twice"};
  }
}

}  // namespace

void finalize(Content& content) {
  requireComplete(content);
  for (const auto& [name, attribute] : content.attributes) {
    for (const ContentPointer& part : attribute.contents) {
      if (part->finalized) continue;
      throw Failure{CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "attribute " + std::to_string(name) + " is not finalised"};
    }
  }
  switch (content.type) {
    case CUDNN_BACKEND_TENSOR_DESCRIPTOR: finalizeTensor(content); break;
    case CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR: finalizeConvolution(content); break;
    case CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR: finalizeGraph(content); break;
    case CUDNN_BACKEND_ENGINE_DESCRIPTOR: finalizeEngine(content); break;
    case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR: finalizeHeuristics(content); break;
    case CUDNN_BACKEND_ENGINECFG_DESCRIPTOR: finalizeConfiguration(content); break;
    case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR: finalizePlan(content); break;
    case CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR: finalizePack(content); break;
    default:
      if (isOperation(content.type)) makeOperation(content);
  }
  content.finalized = true;
}

}  // namespace emulated_cudnn
