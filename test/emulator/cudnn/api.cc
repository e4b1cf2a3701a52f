// The functions of libcudnn.so.9 that programs use with the backend API.
#include <cstring>

#include "engines.h"
#include "finalize.h"
#include "program.h"
#include "runtime/memory.h"
#include "runtime/stream.h"
#include "schema.h"

using namespace emulated_cudnn;

struct cudnnContext {
  cudaStream_t stream = nullptr;
};

namespace {

thread_local std::string lastError;

template <class Function>
cudnnStatus_t guarded(Function&& function) {
  try {
    function();
    return CUDNN_STATUS_SUCCESS;
  } catch (const Failure& failure) {
    lastError = failure.message;
    return failure.status;
  }
}

[[noreturn]] void refuse(cudnnStatus_t status, const std::string& message) { throw Failure{status, message}; }

Content& contentOf(cudnnBackendDescriptor_t descriptor) {
  if (!descriptor) refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "a null descriptor");
  return *static_cast<Descriptor*>(descriptor)->content;
}

ContentPointer sharedContent(cudnnBackendDescriptor_t descriptor) {
  contentOf(descriptor);
  return static_cast<Descriptor*>(descriptor)->content;
}

void setAttribute(Content& content, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                  const void* values) {
  const std::string what = "attribute " + std::to_string(name);
  if (content.finalized) refuse(CUDNN_STATUS_NOT_INITIALIZED, what + " is set after its descriptor was finalised");
  const AttributeRule& rule = ruleOf(content.type, name);
  const bool isNumber = rule.type == CUDNN_TYPE_FLOAT && type == CUDNN_TYPE_DOUBLE;
  if (rule.need == Need::readOnly) refuse(CUDNN_STATUS_BAD_PARAM, what + " is read only");
  if (type != rule.type && !isNumber) refuse(CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE, what + " has another type");
  if (count < 1 || count > rule.most) refuse(CUDNN_STATUS_BAD_PARAM, what + " has a wrong number of elements");
  if (!values) refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, what + " is a null pointer");
  if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    std::vector<ContentPointer> parts;
    for (int64_t i = 0; i < count; ++i) {
      parts.push_back(sharedContent(static_cast<const cudnnBackendDescriptor_t*>(values)[i]));
      if (!parts.back()->finalized) {
        refuse(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, what + " is a descriptor that is not finalised");
      }
    }
    content.putDescriptors(name, std::move(parts));
    return;
  }
  Attribute attribute{type, count, {}, {}};
  const auto* bytes = static_cast<const char*>(values);
  attribute.bytes.assign(bytes, bytes + static_cast<size_t>(count) * bytesOf(type));
  content.attributes[name] = std::move(attribute);
}

// Returns descriptors in an attribute: descriptors that the caller has created receive their content.
void fillDescriptors(const Attribute& attribute, int64_t count, void* values) {
  for (int64_t i = 0; i < count; ++i) {
    const cudnnBackendDescriptor_t target = static_cast<cudnnBackendDescriptor_t*>(values)[i];
    if (contentOf(target).type != attribute.contents[i]->type) {
      refuse(CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE, "a descriptor to be filled has another type");
    }
    static_cast<Descriptor*>(target)->content = attribute.contents[i];
  }
}

void getAttribute(const Content& content, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                  int64_t capacity, int64_t* count, void* values) {
  const std::string what = "attribute " + std::to_string(name);
  if (!content.finalized) refuse(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, what + " of a descriptor that is not finalised");
  const AttributeRule& rule = ruleOf(content.type, name);
  const auto place = content.attributes.find(name);
  const bool isNumber = rule.type == CUDNN_TYPE_FLOAT && type == CUDNN_TYPE_DOUBLE;
  if (type != rule.type && !isNumber) refuse(CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE, what + " has another type");
  const int64_t present = place == content.attributes.end() ? 0 : place->second.count;
  if (count) *count = present;
  const int64_t written = std::min(present, capacity);
  if (written < 1 || !values) return;
  if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    fillDescriptors(place->second, written, values);
  } else {
    memcpy(values, place->second.bytes.data(), static_cast<size_t>(written) * bytesOf(type));
  }
}

std::map<int64_t, void*> pointersOf(const Content& pack) {
  const auto ids = pack.integers(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const auto addresses = pack.integers(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  std::map<int64_t, void*> pointers;
  for (size_t i = 0; i < ids.size(); ++i) pointers[ids[i]] = reinterpret_cast<void*>(addresses[i]);
  return pointers;
}

void checkWorkspace(const void* workspace, int64_t bytes) {
  if (bytes == 0) return;
  if (!workspace) refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "the plan needs a workspace");
  const emulator::Place place = emulator::placeOf(workspace, static_cast<size_t>(bytes));
  if (place.where != emulator::Where::device || !place.inside) {
    refuse(CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT,
           "the workspace of " + std::to_string(bytes) + " bytes is not within one allocation of device memory");
  }
}

void execute(cudnnHandle_t handle, const Content& plan, const Content& pack) {
  if (plan.type != CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR || pack.type != CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR) {
    refuse(CUDNN_STATUS_BAD_PARAM, "an execution plan and a variant pack are needed");
  }
  if (!plan.finalized || !pack.finalized) refuse(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "not finalised");
  if (!plan.has(CUDNN_ATTR_EXECUTION_PLAN_HANDLE)) {
    refuse(CUDNN_STATUS_BAD_PARAM, "a plan that was made for a description of a device cannot run");
  }
  const auto program = plan.program;
  const ContentPointer configuration = plan.descriptor(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
  const int64_t index =
      configuration->descriptor(CUDNN_ATTR_ENGINECFG_ENGINE)->value<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, -1);
  Engine engine{};
  for (const Engine& candidate : enginesOf(program->traits())) {
    if (candidate.index == index) engine = candidate;
  }
  const auto pointers = pointersOf(pack);
  auto* workspace = pack.value<void*>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, nullptr);
  program->check(pointers);
  checkWorkspace(workspace, engine.workspace);
  const cudaError_t status =
      emulator::enqueue(handle->stream, [program, engine, pointers, workspace, given = program->valuesGiven(pointers)] {
        try {
          program->check(pointers);
          checkWorkspace(workspace, engine.workspace);
          // Overwrites the whole workspace, as a real engine might.
          if (engine.workspace > 0) memset(workspace, 0xff, static_cast<size_t>(engine.workspace));
          program->run(engine, pointers, given);
          return std::string();
        } catch (const Failure& failure) {
          return "cuDNN engine " + std::to_string(engine.index) + ": " + failure.message;
        }
      });
  if (status != cudaSuccess) refuse(CUDNN_STATUS_EXECUTION_FAILED_CUDART, cudaGetErrorString(status));
}

}  // namespace

extern "C" {

EMULATOR_API size_t cudnnGetVersion() { return CUDNN_VERSION; }

EMULATOR_API size_t cudnnGetCudartVersion() { return 13000; }

EMULATOR_API const char* cudnnGetErrorString(cudnnStatus_t status) {
  switch (CUDNN_STATUS_CATEGORY(status)) {
    case 0: return "CUDNN_STATUS_SUCCESS";
    case 1000: return "CUDNN_STATUS_NOT_INITIALIZED";
    case 2000: return "CUDNN_STATUS_BAD_PARAM";
    case 3000: return "CUDNN_STATUS_NOT_SUPPORTED";
    case 4000: return "CUDNN_STATUS_INTERNAL_ERROR";
    default: return "CUDNN_STATUS_EXECUTION_FAILED";
  }
}

EMULATOR_API void cudnnGetLastErrorString(char* message, size_t capacity) {
  if (capacity == 0) return;
  strncpy(message, lastError.c_str(), capacity - 1);
  message[capacity - 1] = 0;
}

EMULATOR_API cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  *handle = new cudnnContext;
  return CUDNN_STATUS_SUCCESS;
}

EMULATOR_API cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  delete handle;
  return CUDNN_STATUS_SUCCESS;
}

EMULATOR_API cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

EMULATOR_API cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                                        cudnnBackendDescriptor_t* descriptor) {
  return guarded([&] {
    *descriptor = nullptr;
    if (!isKnown(type)) refuse(CUDNN_STATUS_NOT_SUPPORTED, "descriptor type " + std::to_string(type));
    *descriptor = new Descriptor{std::make_shared<Content>(type)};
  });
}

EMULATOR_API cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  delete static_cast<Descriptor*>(descriptor);
  return CUDNN_STATUS_SUCCESS;
}

EMULATOR_API cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor,
                                                    cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                                                    int64_t count, const void* values) {
  return guarded([&] { setAttribute(contentOf(descriptor), name, type, count, values); });
}

EMULATOR_API cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t const descriptor,
                                                    cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                                                    int64_t capacity, int64_t* count, void* values) {
  return guarded([&] { getAttribute(contentOf(descriptor), name, type, capacity, count, values); });
}

EMULATOR_API cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor) {
  return guarded([&] { finalize(contentOf(descriptor)); });
}

EMULATOR_API cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                                               cudnnBackendDescriptor_t pack) {
  return guarded([&] { execute(handle, contentOf(plan), contentOf(pack)); });
}

}  // extern "C"
