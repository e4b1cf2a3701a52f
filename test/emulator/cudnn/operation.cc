// See operation.h.
#include "operation.h"

#include <limits>

#include "convolution.h"
#include "gemm.h"
#include "pointwise.h"

namespace emulated_cudnn {
namespace {

[[noreturn]] void refuse(const std::string& message) { throw Failure{CUDNN_STATUS_BAD_PARAM, message}; }
[[noreturn]] void unsupported(const std::string& message) { throw Failure{CUDNN_STATUS_NOT_SUPPORTED, message}; }

std::string text(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t length : shape) text += (text.empty() ? "[" : ", ") + std::to_string(length);
  return text + "]";
}

TensorInfo tensorOf(const Content& content, cudnnBackendAttributeName_t name) {
  const ContentPointer tensor = content.descriptor(name);
  if (!tensor || tensor->type != CUDNN_BACKEND_TENSOR_DESCRIPTOR) {
    refuse("attribute " + std::to_string(name) + " of an operation is no tensor");
  }
  return TensorInfo(*tensor);
}

struct ConvolutionNames {
  cudnnBackendAttributeName_t x, w, y, convolution, alpha, beta;
};

constexpr ConvolutionNames kForward = {
    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
constexpr ConvolutionNames kBackwardData = {
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
constexpr ConvolutionNames kBackwardFilter = {
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};

ConvolutionShape shapeOf(const Content& convolution, const TensorInfo& x, const TensorInfo& w, const TensorInfo& y) {
  const auto pair = [&](cudnnBackendAttributeName_t name) {
    const std::vector<int64_t> values = convolution.integers(name);
    if (values.size() != 2) unsupported("a convolution that is not over two dimensions");
    return values;
  };
  const auto strides = pair(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES), dilations = pair(CUDNN_ATTR_CONVOLUTION_DILATIONS);
  const auto before = pair(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS), after = pair(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS);
  if (x.dimensions.size() != 4 || w.dimensions.size() != 4 || y.dimensions.size() != 4) {
    refuse("x, w and y of a convolution over two dimensions have four each");
  }
  const ConvolutionShape shape{x.dimensions[0], x.dimensions[1], x.dimensions[2], x.dimensions[3],
                               w.dimensions[0], w.dimensions[1], w.dimensions[2], y.dimensions[1],
                               y.dimensions[2], strides[0],      strides[1],      before[0],
                               before[1],       dilations[0],    dilations[1],    w.dimensions[3]};
  const auto length = [](int64_t input, int64_t padding, int64_t dilation, int64_t kernel, int64_t stride) {
    const int64_t room = input + padding - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
  };
  const std::vector<int64_t> expected = {
      shape.n, length(shape.h, before[0] + after[0], shape.dilationH, shape.kh, shape.strideH),
      length(shape.w, before[1] + after[1], shape.dilationW, shape.kw, shape.strideW), shape.o};
  if (expected != y.dimensions) {
    throw Failure{CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "y of the convolution is " + text(y.dimensions) +
                                                             " (channels last), but its input gives " + text(expected)};
  }
  const int64_t inputs = w.dimensions[3];  // of a group
  if (shape.c % inputs != 0 || shape.o % shape.groups() != 0) {
    throw Failure{CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "the channels of a convolution do not divide into groups"};
  }
  return shape;
}

Operation convolutionOf(const Content& content, const ConvolutionNames& names) {
  const ContentPointer convolution = content.descriptor(names.convolution);
  if (!convolution || convolution->type != CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR) refuse("no convolution descriptor");
  if (convolution->value(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CONVOLUTION) != CUDNN_CROSS_CORRELATION) {
    unsupported("a convolution that flips its filter");
  }
  if (convolution->value(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT) != CUDNN_DATA_FLOAT) {
    throw Failure{CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, "a convolution that does not compute in f32"};
  }
  const TensorInfo x = tensorOf(content, names.x), w = tensorOf(content, names.w), y = tensorOf(content, names.y);
  const ConvolutionShape shape = shapeOf(*convolution, x, w, y);
  const auto alpha = static_cast<float>(content.number(names.alpha, 1.0));
  const bool forward = content.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR;
  const bool data = content.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR;
  Operation operation;
  operation.isConvolution = true;
  operation.beta = static_cast<float>(content.number(names.beta, 0.0));
  operation.inputs = forward ? std::vector<TensorInfo>{x, w}
                     : data  ? std::vector<TensorInfo>{y, w}
                             : std::vector<TensorInfo>{x, y};
  operation.outputs = {forward ? y : data ? x : w};
  if (operation.inputs[0].type != operation.inputs[1].type) {
    throw Failure{CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, "the inputs of a convolution have different types"};
  }
  const auto pass = forward ? convolve : data ? dataGradient : filterGradient;
  operation.evaluate = [=](const std::vector<const Values*>& inputs) {
    Values values = pass(shape, *inputs[0], *inputs[1]);
    if (alpha != 1.0f) {
      for (float& value : values) value *= alpha;
    }
    return values;
  };
  return operation;
}

Pointwise pointwiseOf(const Content& content) {
  Pointwise pointwise{content.value(CUDNN_ATTR_POINTWISE_MODE, CUDNN_POINTWISE_IDENTITY)};
  pointwise.lowerClip = static_cast<float>(content.number(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP, 0.0));
  pointwise.upperClip =
      static_cast<float>(content.number(CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP, std::numeric_limits<float>::infinity()));
  pointwise.slope = static_cast<float>(content.number(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, 0.0));
  pointwise.alpha = static_cast<float>(content.number(CUDNN_ATTR_POINTWISE_ELU_ALPHA, 1.0));
  // cuDNN's CUDNN_PROPAGATE_NAN
  pointwise.propagatesNan = content.value<int32_t>(CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, 0) == 1;
  return pointwise;
}

Operation pointwiseOperation(const Content& content) {
  const ContentPointer descriptor = content.descriptor(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
  if (!descriptor || descriptor->type != CUDNN_BACKEND_POINTWISE_DESCRIPTOR) refuse("no pointwise descriptor");
  const Pointwise pointwise = pointwiseOf(*descriptor);
  const int count = operandCount(pointwise.mode);
  if (count == 0) unsupported("pointwise mode " + std::to_string(pointwise.mode));
  std::vector<cudnnBackendAttributeName_t> names = {
      CUDNN_ATTR_OPERATION_POINTWISE_XDESC, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, CUDNN_ATTR_OPERATION_POINTWISE_TDESC};
  cudnnBackendAttributeName_t result = CUDNN_ATTR_OPERATION_POINTWISE_YDESC;
  if (isGradient(pointwise.mode)) {
    names = {CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, CUDNN_ATTR_OPERATION_POINTWISE_XDESC};
    result = CUDNN_ATTR_OPERATION_POINTWISE_DXDESC;
  }
  Operation operation;
  operation.outputs = {tensorOf(content, result)};
  std::vector<Shape> shapes;
  for (int i = 0; i < count; ++i) {
    operation.inputs.push_back(tensorOf(content, names[i]));
    shapes.push_back(operation.inputs.back().dimensions);
    if (!broadcastsTo(shapes.back(), operation.outputs[0].dimensions)) {
      throw Failure{CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH,
                    "an operand " + text(shapes.back()) + " for a result " + text(operation.outputs[0].dimensions)};
    }
  }
  const auto first = static_cast<float>(content.number(CUDNN_ATTR_OPERATION_POINTWISE_ALPHA1, 1.0));
  const auto second = static_cast<float>(content.number(CUDNN_ATTR_OPERATION_POINTWISE_ALPHA2, 1.0));
  if (first != 1.0f || second != 1.0f) unsupported("factors of pointwise operands");
  operation.evaluate = [=, dimensions = operation.outputs[0].dimensions](const std::vector<const Values*>& inputs) {
    return emulated_cudnn::evaluate(pointwise, inputs, shapes, dimensions);
  };
  return operation;
}

Operation matrixProduct(const Content& content) {
  Operation operation;
  operation.isConvolution = true;
  operation.inputs = {tensorOf(content, CUDNN_ATTR_OPERATION_MATMUL_ADESC),
                      tensorOf(content, CUDNN_ATTR_OPERATION_MATMUL_BDESC)};
  operation.outputs = {tensorOf(content, CUDNN_ATTR_OPERATION_MATMUL_CDESC)};
  const Shape &a = operation.inputs[0].dimensions, &b = operation.inputs[1].dimensions;
  const Shape& c = operation.outputs[0].dimensions;
  if (a.size() != 3 || b.size() != 3 || c.size() != 3) unsupported("a matrix product that has not three dimensions");
  if (a[2] != b[1] || c[1] != a[1] || c[2] != b[2] || (a[0] != c[0] && a[0] != 1) || (b[0] != c[0] && b[0] != 1)) {
    throw Failure{CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH,
                  "a matrix product " + text(a) + " x " + text(b) + " = " + text(c)};
  }
  operation.evaluate = [a, b, c](const std::vector<const Values*>& inputs) {
    Values result(c[0] * c[1] * c[2]);
    for (int64_t batch = 0; batch < c[0]; ++batch) {
      const float* left = inputs[0]->data() + (a[0] == 1 ? 0 : batch * a[1] * a[2]);
      const float* right = inputs[1]->data() + (b[0] == 1 ? 0 : batch * b[1] * b[2]);
      multiply(c[1], c[2], a[2], left, a[2], 1, right, result.data() + batch * c[1] * c[2], false);
    }
    return result;
  };
  return operation;
}

Operation reduction(const Content& content) {
  const ContentPointer descriptor = content.descriptor(CUDNN_ATTR_OPERATION_REDUCTION_DESC);
  if (!descriptor || descriptor->type != CUDNN_BACKEND_REDUCTION_DESCRIPTOR) refuse("no reduction descriptor");
  const auto kind = descriptor->value(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_REDUCE_TENSOR_ADD);
  if (kind != CUDNN_REDUCE_TENSOR_ADD && kind != CUDNN_REDUCE_TENSOR_AVG && kind != CUDNN_REDUCE_TENSOR_MAX &&
      kind != CUDNN_REDUCE_TENSOR_MIN) {
    unsupported("reduction " + std::to_string(kind));
  }
  Operation operation;
  operation.inputs = {tensorOf(content, CUDNN_ATTR_OPERATION_REDUCTION_XDESC)};
  operation.outputs = {tensorOf(content, CUDNN_ATTR_OPERATION_REDUCTION_YDESC)};
  const Shape from = operation.inputs[0].dimensions, to = operation.outputs[0].dimensions;
  if (!broadcastsTo(to, from)) {
    throw Failure{CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "a reduction of " + text(from) + " to " + text(to)};
  }
  operation.evaluate = [=](const std::vector<const Values*>& inputs) { return reduce(kind, *inputs[0], from, to); };
  return operation;
}

}  // namespace

bool isOperation(cudnnBackendDescriptorType_t type) {
  switch (type) {
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
    case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR:
    case CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR:
    case CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR: return true;
    default: return false;
  }
}

Operation makeOperation(const Content& content) {
  switch (content.type) {
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR: return convolutionOf(content, kForward);
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR: return convolutionOf(content, kBackwardData);
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR: return convolutionOf(content, kBackwardFilter);
    case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR: return pointwiseOperation(content);
    case CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR: return matrixProduct(content);
    case CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR: return reduction(content);
    default: unsupported("operation " + std::to_string(content.type));
  }
}

}  // namespace emulated_cudnn
