// Errors of the emulated cuDNN, and a captured execution, with a 1x1 convolution of one pixel: y = w x.
#include <cudnn_backend.h>

#include <vector>

#include "cases.h"

namespace emulator_cases {
namespace {

struct Refusal {
  std::string text;
};

void check(cudnnStatus_t status) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char message[256] = "";
  cudnnGetLastErrorString(message, sizeof message);
  throw Refusal{std::to_string(status) + " " + message};
}

template <class Function>
std::string refusalOf(Function&& function) {
  try {
    function();
    return "no refusal";
  } catch (const Refusal& refusal) {
    return refusal.text;
  }
}

// Never destroys its descriptor, because the process ends soon.
class Builder {
 public:
  explicit Builder(cudnnBackendDescriptorType_t type) { check(cudnnBackendCreateDescriptor(type, &raw_)); }
  template <class T>
  Builder& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::vector<T> values) {
    check(cudnnBackendSetAttribute(raw_, name, type, static_cast<int64_t>(values.size()), values.data()));
    return *this;
  }
  Builder& set(cudnnBackendAttributeName_t name, std::vector<int64_t> values) {
    return set(name, CUDNN_TYPE_INT64, std::move(values));
  }
  Builder& set(cudnnBackendAttributeName_t name, const Builder& part) {
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, std::vector<cudnnBackendDescriptor_t>{part.raw_});
  }
  Builder& finalize() {
    check(cudnnBackendFinalize(raw_));
    return *this;
  }
  cudnnBackendDescriptor_t raw() const { return raw_; }

 private:
  cudnnBackendDescriptor_t raw_ = nullptr;
};

Builder tensor(int64_t id, std::vector<int64_t> dimensions, std::vector<int64_t> strides, bool isVirtual = false) {
  Builder tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, {id})
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, {16})
      .set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector<cudnnDataType_t>{CUDNN_DATA_FLOAT})
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::move(dimensions))
      .set(CUDNN_ATTR_TENSOR_STRIDES, std::move(strides));
  if (isVirtual) tensor.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, std::vector<char>{1});
  return tensor.finalize();
}

Builder pixel(int64_t id, bool isVirtual = false) { return tensor(id, {1, 1, 1, 1}, {1, 1, 1, 1}, isVirtual); }

Builder convolution(const Builder& x, const Builder& w, const Builder& y) {
  Builder descriptor(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  descriptor.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector<cudnnDataType_t>{CUDNN_DATA_FLOAT})
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE,
           std::vector<cudnnConvolutionMode_t>{CUDNN_CROSS_CORRELATION})
      .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, {2});
  for (const auto name : {CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES}) {
    descriptor.set(name, {1, 1});
  }
  for (const auto name : {CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS}) {
    descriptor.set(name, {0, 0});
  }
  descriptor.finalize();
  Builder operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, w)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, y)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, descriptor)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, std::vector<float>{1.0f})
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, std::vector<float>{0.0f});
  return operation.finalize();
}

// Never destroys the handle, because the process ends soon.
struct Session {
  cudnnHandle_t handle = nullptr;
  cudaStream_t stream = nullptr;
  float* memory = nullptr;  // x, w, y at 0, 4, 8

  Session() {
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    cudaMalloc(reinterpret_cast<void**>(&memory), 1024);
    const float numbers[12] = {2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0};
    cudaMemcpy(memory, numbers, sizeof numbers, cudaMemcpyHostToDevice);
    check(cudnnCreate(&handle));
    check(cudnnSetStream(handle, stream));
  }

  Builder plan(int64_t engineIndex) const {
    Builder graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, convolution(pixel(1), pixel(2), pixel(3))).finalize();
    Builder engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    engine.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph).set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, {engineIndex}).finalize();
    Builder configuration(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    configuration.set(CUDNN_ATTR_ENGINECFG_ENGINE, engine).finalize();
    Builder plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, std::vector<cudnnHandle_t>{handle})
        .set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
    return plan.finalize();
  }

  void execute(const Builder& plan, float* y, void* workspace = nullptr) const {
    Builder pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, {1, 2, 3})
        .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, std::vector<void*>{memory, memory + 4, y})
        .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, std::vector<void*>{workspace})
        .finalize();
    check(cudnnBackendExecute(handle, plan.raw(), pack.raw()));
  }

  float result() const {
    float y = -1.0f;
    cudaStreamSynchronize(stream);
    cudaMemcpy(&y, memory + 8, sizeof y, cudaMemcpyDeviceToHost);
    return y;
  }
};

constexpr int64_t kPlainEngine = 5, kEngineWithWorkspace = 1;

std::string capturedConvolution() {
  const Session session;
  const Builder plan = session.plan(kPlainEngine);
  cudaStreamBeginCapture(session.stream, cudaStreamCaptureModeThreadLocal);
  session.execute(plan, session.memory + 8);
  cudaGraph_t graph = nullptr;
  cudaStreamEndCapture(session.stream, &graph);
  const float before = session.result();
  cudaGraphExec_t executable = nullptr;
  cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphLaunch(executable, session.stream);
  return std::to_string(before) + ", then " + std::to_string(session.result());
}

void graphOf(std::vector<cudnnBackendDescriptor_t> operations) {
  Builder graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, std::move(operations)).finalize();
}

}  // namespace

const Case kCudnnCases[] = {
    {"captured convolution", capturedConvolution},
    {"attribute missing",
     [] {
       return refusalOf(
           [] { Builder(CUDNN_BACKEND_TENSOR_DESCRIPTOR).set(CUDNN_ATTR_TENSOR_UNIQUE_ID, {1}).finalize(); });
     }},
    {"attribute type",
     [] {
       return refusalOf([] {
         Builder(CUDNN_BACKEND_TENSOR_DESCRIPTOR)
             .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT32, std::vector<int32_t>{1});
       });
     }},
    {"overlapping strides", [] { return refusalOf([] {
                                   tensor(1, {1, 4, 2, 2}, {16, 1, 8, 2});
                                 }); }},
    {"wrong output shape",
     [] { return refusalOf([] {
            convolution(pixel(1), pixel(2), tensor(3, {1, 1, 2, 1}, {2, 1, 1, 1}));
          }); }},
    {"duplicate id",
     [] { return refusalOf([] { graphOf({convolution(pixel(1), pixel(1, true), pixel(3)).raw()}); }); }},
    {"unread virtual tensor",
     [] { return refusalOf([] { graphOf({convolution(pixel(1), pixel(2), pixel(3, true)).raw()}); }); }},
    {"unknown engine", [] { return refusalOf([] { Session().plan(99); }); }},
    {"misaligned tensor",
     [] {
       return refusalOf([] {
         const Session session;
         session.execute(session.plan(kPlainEngine), session.memory + 9);
       });
     }},
    {"tensor outside",
     [] {
       return refusalOf([] {
         const Session session;
         alignas(16) float local = 0.0f;
         session.execute(session.plan(kPlainEngine), &local);
       });
     }},
    {"no workspace",
     [] {
       return refusalOf([] {
         const Session session;
         session.execute(session.plan(kEngineWithWorkspace), session.memory + 8);
       });
     }},
    {"workspace too small",
     [] {
       return refusalOf([] {
         const Session session;
         session.execute(session.plan(kEngineWithWorkspace), session.memory + 8, session.memory + 240);
       });
     }},
};
const size_t kCudnnCaseCount = sizeof kCudnnCases / sizeof kCudnnCases[0];

}  // namespace emulator_cases
