// A convolution as cuDNN's operation graph: one of its three passes, and the operations on its result before it is
// written (conv_steps.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cuda/convolution/conv_steps.h"
#include "cuda/cudnn/graph.h"

namespace saturnn::cuda {

// Sizes: x [n, h, w, c], w [o, kh, kw, c / groups], y [n, oh, ow, o]; all dense, in this order in memory.
struct ConvProblem {
  int64_t n, h, w, c;
  int64_t o, kh, kw;
  int64_t oh, ow;
  int64_t strideH = 1, strideW = 1;
  int64_t padTop = 0, padLeft = 0, padBottom = 0, padRight = 0;
  int64_t dilationH = 1, dilationW = 1;
  int64_t groups = 1;

  int64_t inputs() const { return c / groups; }  // channels of x that a channel of y reads
};

enum class ConvPass { forward, dataGradient, weightGradient };

// A pass of a convolution with its dtypes. Sums are always in f32.
struct ConvSpec {
  ConvProblem problem;
  ConvPass pass;
  cudnnDataType_t images = CUDNN_DATA_FLOAT;   // x and y, or their gradients
  cudnnDataType_t weights = CUDNN_DATA_FLOAT;  // w, or its gradient
  ConvEpilogue epilogue;                       // of forward and dataGradient

  const char* passName() const;  // "forward"
  // Returns everything above in one line, equal for equal specs: "forward bf16 bf16 128x28x28x64 ...".
  std::string text() const;
};

// Unique ids of the tensors that execute() binds. kActivated is the x of a data gradient's epilogue, where kX is dx.
// kScalars and following are the scalars of the graph, in their order.
enum : int64_t { kX = 1, kW = 2, kY = 3, kActivated = 4, kBias = 5, kScalars = 6 };

struct ConvGraph {
  Descriptor operations;
  std::vector<float> scalars;  // given by value (a host pointer) at every run
};

ConvGraph makeConvGraph(const GraphTarget& target, const ConvSpec& spec);

}  // namespace saturnn::cuda
