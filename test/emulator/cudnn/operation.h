// The operations of a graph. They are checked when their descriptors are finalised, as in cuDNN.
#pragma once

#include <functional>

#include "descriptor.h"
#include "values.h"

namespace emulated_cudnn {

struct Operation {
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;  // one
  bool isConvolution = false;       // or a matrix product: what tensor cores compute
  float beta = 0.0f;                // times what the output held before
  std::function<Values(const std::vector<const Values*>&)> evaluate;
};

// Throws a Failure if the operation is invalid or not supported by the emulation.
Operation makeOperation(const Content& content);

bool isOperation(cudnnBackendDescriptorType_t type);

}  // namespace emulated_cudnn
