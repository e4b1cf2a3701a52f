// See conv_graph.h.
#include "cuda/convolution/conv_graph.h"

#include "shared/error.h"

namespace saturnn::cuda {
namespace {

// The attribute names of one pass: cuDNN has the same operation three times, with different names.
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

enum class Kind { real, passing, scalar };  // in memory; only between operations; one number, passed at every run

// cuDNN's order of dimensions is [batch, channels, height, width]; the strides give the order in memory.
Descriptor tensor(const CudnnApi& api, int64_t id, cudnnDataType_t type, int64_t n, int64_t h, int64_t w, int64_t c,
                  Kind kind = Kind::real) {
  Descriptor tensor(api, CUDNN_BACKEND_TENSOR_DESCRIPTOR, "tensor");
  tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, {id});
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type);
  // A bias may be anywhere in the State's arena, and a scalar on the host.
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
  conv.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, {problem.dilationH, problem.dilationW});
  conv.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {problem.strideH, problem.strideW});
  conv.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {problem.padTop, problem.padLeft});
  conv.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {problem.padBottom, problem.padRight});
  conv.finalize();
  return conv;
}

std::vector<ConvStep> stepsOf(const ConvSpec& spec) {
  switch (spec.pass) {
    case ConvPass::forward: return forwardSteps(spec.epilogue, spec.images == CUDNN_DATA_BFLOAT16);
    case ConvPass::dataGradient: return dataGradientSteps(spec.epilogue);
    default: return {};
  }
}

Descriptor pointwise(const CudnnApi& api, const ConvStep& step) {
  Descriptor pointwise(api, CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "pointwise operation");
  pointwise.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &step.mode);
  pointwise.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  if (step.mode == CUDNN_POINTWISE_RELU_FWD) {
    pointwise.setFloat(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, step.slope);
    // Documented as deprecated, but the releases that read it depend on it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    const cudnnNanPropagation_t propagate = CUDNN_PROPAGATE_NAN;
    pointwise.set(CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, CUDNN_TYPE_NAN_PROPOGATION, 1, &propagate);
#pragma GCC diagnostic pop
  }
  pointwise.finalize();
  return pointwise;
}

// The tensors of one graph, and the scalars that are passed at every run.
class Tensors {
 public:
  Tensors(const CudnnApi& api, const ConvSpec& spec, const std::vector<ConvStep>& steps)
      : api_(api), spec_(spec), steps_(steps) {}

  std::vector<float> scalars;

  // Returns y, dx or dw: in memory, or as the input of the first step.
  Descriptor convolutionResult() const { return steps_.empty() ? inMemory(resultId()) : passing(0, false); }

  Descriptor stepResult(size_t step) const {
    return step + 1 == steps_.size() ? inMemory(resultId()) : passing(step + 1, steps_[step].isTruth);
  }

  Descriptor read(const StepOperand& operand) {
    switch (operand.kind) {
      case StepOperand::convolution: return convolutionResult();
      case StepOperand::step: return stepResult(operand.index);
      case StepOperand::activated: return inMemory(kActivated);
      case StepOperand::bias: return tensor(api_, kBias, CUDNN_DATA_FLOAT, 1, 1, 1, spec_.problem.o);
      default: break;
    }
    scalars.push_back(operand.value);
    const int64_t id = kScalars + static_cast<int64_t>(scalars.size()) - 1;
    return tensor(api_, id, CUDNN_DATA_FLOAT, 1, 1, 1, 1, Kind::scalar);
  }

  Descriptor inMemory(int64_t id) const {
    const ConvProblem& p = spec_.problem;
    switch (id) {
      // cuDNN sees from the channels of w and x that there are groups.
      case kW: return tensor(api_, id, spec_.weights, p.o, p.kh, p.kw, p.inputs());
      case kY: return tensor(api_, id, spec_.images, p.n, p.oh, p.ow, p.o);
      default: return tensor(api_, id, spec_.images, p.n, p.h, p.w, p.c);
    }
  }

 private:
  int64_t resultId() const {
    return spec_.pass == ConvPass::forward ? kY : spec_.pass == ConvPass::dataGradient ? kX : kW;
  }

  // Returns a tensor between operations, with the shape of the result.
  Descriptor passing(size_t index, bool isTruth) const {
    const ConvProblem& p = spec_.problem;
    const int64_t id = kPassing + static_cast<int64_t>(index);
    const cudnnDataType_t type = isTruth ? CUDNN_DATA_BOOLEAN : CUDNN_DATA_FLOAT;
    return spec_.pass == ConvPass::forward ? tensor(api_, id, type, p.n, p.oh, p.ow, p.o, Kind::passing)
                                           : tensor(api_, id, type, p.n, p.h, p.w, p.c, Kind::passing);
  }

  const CudnnApi& api_;
  const ConvSpec& spec_;
  const std::vector<ConvStep>& steps_;
};

Descriptor convolutionOperation(const CudnnApi& api, const ConvSpec& spec, const Tensors& tensors) {
  const PassNames& names = kPasses[static_cast<int>(spec.pass)];
  const auto image = [&](ConvPass pass, int64_t id) {
    return spec.pass == pass ? tensors.convolutionResult() : tensors.inMemory(id);
  };
  Descriptor operation(api, names.type, "convolution in the graph");
  operation.set(names.x, image(ConvPass::dataGradient, kX));
  operation.set(names.w, image(ConvPass::weightGradient, kW));
  operation.set(names.y, image(ConvPass::forward, kY));
  operation.set(names.convolution, convolution(api, spec.problem));
  operation.setFloat(names.alpha, 1.0f);
  operation.setFloat(names.beta, 0.0f);
  operation.finalize();
  return operation;
}

Descriptor stepOperation(const CudnnApi& api, const ConvStep& step, Tensors& tensors, const Descriptor& result) {
  Descriptor operation(api, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, "pointwise operation in the graph");
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise(api, step));
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, tensors.read(step.x));
  if (step.b.kind != StepOperand::none) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, tensors.read(step.b));
  if (step.t.kind != StepOperand::none) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_TDESC, tensors.read(step.t));
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, result);
  operation.finalize();
  return operation;
}

}  // namespace

const char* ConvSpec::passName() const { return kPasses[static_cast<int>(pass)].what; }

std::string ConvSpec::text() const {
  const ConvProblem& p = problem;
  std::string text = std::string(passName()) + " " + typeText(images) + " " + typeText(weights);
  for (const int64_t number : {p.n, p.h, p.w, p.c, p.o, p.kh, p.kw, p.oh, p.ow, p.strideH, p.strideW, p.padTop,
                               p.padLeft, p.padBottom, p.padRight, p.dilationH, p.dilationW, p.groups}) {
    text += " " + std::to_string(number);
  }
  if (epilogue.bias) text += " bias";
  if (epilogue.activation != SN_NO_ACTIVATION) {
    text += " activation" + std::to_string(epilogue.activation) + ":" + std::to_string(epilogue.slope);
  }
  return text;
}

// An operation graph keeps references to its parts, so they may go out of scope here.
ConvGraph makeConvGraph(const GraphTarget& target, const ConvSpec& spec) {
  const CudnnApi& api = target.api;
  const std::vector<ConvStep> steps = stepsOf(spec);
  Tensors tensors(api, spec, steps);
  std::vector<Descriptor> operations;
  operations.push_back(convolutionOperation(api, spec, tensors));
  for (size_t i = 0; i < steps.size(); ++i) {
    operations.push_back(stepOperation(api, steps[i], tensors, tensors.stepResult(i)));
  }

  std::vector<const Descriptor*> pointers;
  for (const Descriptor& operation : operations) pointers.push_back(&operation);
  Descriptor graph(api, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "operation graph");
  if (target.handle) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &target.handle);
  graph.setAll(CUDNN_ATTR_OPERATIONGRAPH_OPS, pointers);
  graph.finalize();
  return {std::move(graph), std::move(tensors.scalars)};
}

}  // namespace saturnn::cuda
