// A convolution as cuDNN's operation graph: one of its three passes, and what the forward pass does with its result
// before it is written (bias, activation).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../backend.h"
#include "cudnn_graph.h"

namespace saturnn {

// x [n, h, w, c], w [o, kh, kw, c], y [n, oh, ow, o]; all dense, in this order in memory.
struct ConvProblem {
  int64_t n, h, w, c;
  int64_t o, kh, kw;
  int64_t oh, ow;
  int64_t strideH, strideW, padH, padW;
};

enum class ConvPass { forward, dataGradient, weightGradient };

// y = f(conv + bias): a bias of [o] floats, an activation of native/activations.h, each optional.
struct ConvEpilogue {
  bool bias = false;
  int activation = SN_NO_ACTIVATION;
  float slope = 0.0f;

  bool isEmpty() const { return !bias && activation == SN_NO_ACTIVATION; }
};

// Sums are always made in f32.
struct ConvSpec {
  ConvProblem problem;
  ConvPass pass;
  cudnnDataType_t images = CUDNN_DATA_FLOAT;   // x and y, or their gradients
  cudnnDataType_t weights = CUDNN_DATA_FLOAT;  // w, or its gradient
  ConvEpilogue epilogue;                       // forward only

  const char* passName() const;  // "forward"
  // Everything above in one line, which is equal where the specs are: "forward bf16 bf16 128x28x28x64 ...".
  std::string text() const;
};

// Unique ids of the tensors that execute() binds; kScalars and following: the scalars of the graph, in their order.
enum : int64_t { kX = 1, kW = 2, kY = 3, kBias = 4, kScalars = 5 };

struct ConvGraph {
  Descriptor operations;
  std::vector<float> scalars;  // given by value (a host pointer) at every run
};

// cuDNN's engines for an activation lose small elu (e^x - 1 by a subtraction): that one is never fused.
bool isFusible(const ConvEpilogue& epilogue);

ConvGraph makeConvGraph(const GraphTarget& target, const ConvSpec& spec);

}  // namespace saturnn
