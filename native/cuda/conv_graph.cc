// See conv_graph.h.
#include "conv_graph.h"

#include "../error.h"

namespace saturnn {
namespace {

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
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, "forward"},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, "dgrad"},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, "wgrad"},
};

const char* typeText(cudnnDataType_t type) {
  return type == CUDNN_DATA_BFLOAT16 ? "bf16" : type == CUDNN_DATA_HALF ? "f16" : "f32";
}

constexpr int64_t kPassing = 100;  // the first id of the tensors between operations

enum class Kind { real, passing, scalar };  // in memory; between operations only; one number, given at every run

// cuDNN counts dimensions as [batch, channels, height, width]; the order in memory is said by the strides.
Descriptor tensor(const CudnnApi& api, int64_t id, cudnnDataType_t type, int64_t n, int64_t h, int64_t w, int64_t c,
                  Kind kind = Kind::real) {
  Descriptor tensor(api, CUDNN_BACKEND_TENSOR_DESCRIPTOR, "tensor");
  tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, {id});
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type);
  // A bias lies anywhere in the State's arena, and a scalar on the host.
  tensor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, {id >= kBias && kind != Kind::passing ? 4 : 16});
  tensor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, {n, c, h, w});
  tensor.set(CUDNN_ATTR_TENSOR_STRIDES, {h * w * c, 1, w * c, c});
  if (kind == Kind::passing) tensor.setFlag(CUDNN_ATTR_TENSOR_IS_VIRTUAL, true);
  if (kind == Kind::scalar) tensor.setFlag(CUDNN_ATTR_TENSOR_IS_BY_VALUE, true);
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

// One operation of an epilogue on the whole of y: mode(y), or mode(y, operand).
struct Step {
  enum Operand { none, bias, scalar };
  cudnnPointwiseMode_t mode;
  Operand operand = none;
  float value = 0.0f;  // of the scalar; of CUDNN_POINTWISE_RELU_FWD: its slope below 0
};

// tanh(x), or 2 tanh(x / 2). cuDNN's engines compute tanh with the GPU's instruction, which is right to 11 bits: enough
// for bf16. Where the result has more bits, it is 2 sigmoid(2x) - 1, whose two instructions are right to 22 bits; what it
// loses of small x, 1e-7, is far below what the rounding of the factors has made of x.
void appendTanh(std::vector<Step>& steps, bool scaled, bool isBf16) {
  if (isBf16) {
    if (scaled) steps.push_back({CUDNN_POINTWISE_MUL, Step::scalar, 0.5f});
    steps.push_back({CUDNN_POINTWISE_TANH_FWD});
    if (scaled) steps.push_back({CUDNN_POINTWISE_MUL, Step::scalar, 2.0f});
    return;
  }
  if (!scaled) steps.push_back({CUDNN_POINTWISE_MUL, Step::scalar, 2.0f});
  steps.push_back({CUDNN_POINTWISE_SIGMOID_FWD});
  steps.push_back({CUDNN_POINTWISE_MUL, Step::scalar, scaled ? 4.0f : 2.0f});
  steps.push_back({CUDNN_POINTWISE_SUB, Step::scalar, scaled ? 2.0f : 1.0f});
}

std::vector<Step> stepsOf(const ConvSpec& spec) {
  const ConvEpilogue& epilogue = spec.epilogue;
  const bool isBf16 = spec.images == CUDNN_DATA_BFLOAT16;
  std::vector<Step> steps;
  if (epilogue.bias) steps.push_back({CUDNN_POINTWISE_ADD, Step::bias});
  switch (epilogue.activation) {
    case SN_NO_ACTIVATION: break;
    case SN_SIGMOID: steps.push_back({CUDNN_POINTWISE_SIGMOID_FWD}); break;
    case SN_SCALED_SIGMOID: appendTanh(steps, true, isBf16); break;
    case SN_TANH: appendTanh(steps, false, isBf16); break;
    case SN_LEAKY_TANH:
      appendTanh(steps, false, isBf16);
      steps.push_back({CUDNN_POINTWISE_RELU_FWD, Step::none, epilogue.slope});
      break;
    case SN_RELU: steps.push_back({CUDNN_POINTWISE_RELU_FWD}); break;
    case SN_LEAKY_RELU: steps.push_back({CUDNN_POINTWISE_RELU_FWD, Step::none, epilogue.slope}); break;
    default: throw Error("ERR_INTERNAL", "activation " + std::to_string(epilogue.activation) + " is not fused");
  }
  return steps;
}

Descriptor pointwise(const CudnnApi& api, const Step& step) {
  Descriptor pointwise(api, CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "pointwise operation");
  pointwise.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &step.mode);
  pointwise.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  if (step.mode == CUDNN_POINTWISE_RELU_FWD) {
    pointwise.setFloat(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, step.value);
    // Called deprecated, and what decides it in the releases that read it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    const cudnnNanPropagation_t propagate = CUDNN_PROPAGATE_NAN;
    pointwise.set(CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, CUDNN_TYPE_NAN_PROPOGATION, 1, &propagate);
#pragma GCC diagnostic pop
  }
  pointwise.finalize();
  return pointwise;
}

// x, w and y of a convolution; where steps follow, their first input stands for y.
Descriptor convolutionOperation(const CudnnApi& api, const ConvSpec& spec, const Descriptor& y) {
  const ConvProblem& p = spec.problem;
  const PassNames& names = kPasses[static_cast<int>(spec.pass)];
  Descriptor operation(api, names.type, "convolution in the graph");
  operation.set(names.x, tensor(api, kX, spec.images, p.n, p.h, p.w, p.c));
  operation.set(names.w, tensor(api, kW, spec.weights, p.o, p.kh, p.kw, p.c));
  operation.set(names.y, y);
  operation.set(names.convolution, convolution(api, p));
  operation.setFloat(names.alpha, 1.0f);
  operation.setFloat(names.beta, 0.0f);
  operation.finalize();
  return operation;
}

Descriptor stepOperation(const CudnnApi& api, const Step& step, const Descriptor& x, const Descriptor* operand,
                         const Descriptor& y) {
  Descriptor operation(api, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, "pointwise operation in the graph");
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise(api, step));
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
  if (operand) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *operand);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  operation.finalize();
  return operation;
}

}  // namespace

const char* ConvSpec::passName() const { return kPasses[static_cast<int>(pass)].what; }

std::string ConvSpec::text() const {
  const ConvProblem& p = problem;
  std::string text = std::string(passName()) + " " + typeText(images) + " " + typeText(weights);
  for (const int64_t number : {p.n, p.h, p.w, p.c, p.o, p.kh, p.kw, p.oh, p.ow, p.strideH, p.strideW, p.padH, p.padW}) {
    text += " " + std::to_string(number);
  }
  if (epilogue.bias) text += " bias";
  if (epilogue.activation != SN_NO_ACTIVATION) {
    text += " activation" + std::to_string(epilogue.activation) + ":" + std::to_string(epilogue.slope);
  }
  return text;
}

bool isFusible(const ConvEpilogue& epilogue) { return !epilogue.isEmpty() && epilogue.activation != SN_ELU; }

// An operation graph keeps its own references to what it is made of, so the parts may go out of scope here.
ConvGraph makeConvGraph(const GraphTarget& target, const ConvSpec& spec) {
  const CudnnApi& api = target.api;
  const ConvProblem& p = spec.problem;
  const std::vector<Step> steps = stepsOf(spec);
  std::vector<float> scalars;
  std::vector<Descriptor> operations;

  // What step i reads; the last is y itself, in memory.
  const auto result = [&](size_t i) {
    return i == steps.size()
               ? tensor(api, kY, spec.images, p.n, p.oh, p.ow, p.o)
               : tensor(api, kPassing + static_cast<int64_t>(i), CUDNN_DATA_FLOAT, p.n, p.oh, p.ow, p.o, Kind::passing);
  };
  Descriptor before = result(0);
  operations.push_back(convolutionOperation(api, spec, before));
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    Descriptor after = result(i + 1);
    if (step.operand == Step::bias) {
      const Descriptor bias = tensor(api, kBias, CUDNN_DATA_FLOAT, 1, 1, 1, p.o);
      operations.push_back(stepOperation(api, step, before, &bias, after));
    } else if (step.operand == Step::scalar) {
      const int64_t id = kScalars + static_cast<int64_t>(scalars.size());
      const Descriptor scalar = tensor(api, id, CUDNN_DATA_FLOAT, 1, 1, 1, 1, Kind::scalar);
      operations.push_back(stepOperation(api, step, before, &scalar, after));
      scalars.push_back(step.value);
    } else {
      operations.push_back(stepOperation(api, step, before, nullptr, after));
    }
    before = std::move(after);
  }

  std::vector<const Descriptor*> pointers;
  for (const Descriptor& operation : operations) pointers.push_back(&operation);
  Descriptor graph(api, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "operation graph");
  if (target.handle) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &target.handle);
  graph.setAll(CUDNN_ATTR_OPERATIONGRAPH_OPS, pointers);
  graph.finalize();
  return {std::move(graph), std::move(scalars)};
}

}  // namespace saturnn
