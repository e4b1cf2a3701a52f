// An operation graph, ready to be interpreted.
#pragma once

#include <map>

#include "engines.h"
#include "operation.h"

namespace emulated_cudnn {

class Program {
 public:
  // Takes the operations in an order in which they can run. Throws a Failure if it is not one.
  explicit Program(const std::vector<ContentPointer>& operations);

  // The properties of the graph on which the choice of engines depends.
  const GraphTraits& traits() const { return traits_; }

  // check: pointers must be of device memory, except those of tensors given by value. valuesGiven reads the latter, at
  // once; run computes with them later. They throw a Failure.
  void check(const std::map<int64_t, void*>& pointers) const;
  std::map<int64_t, Values> valuesGiven(const std::map<int64_t, void*>& pointers) const;
  void run(const Engine& engine, const std::map<int64_t, void*>& pointers, std::map<int64_t, Values> given) const;

 private:
  void add(const TensorInfo& tensor, bool written);

  std::vector<Operation> operations_;
  std::map<int64_t, TensorInfo> tensors_;
  std::map<int64_t, bool> written_;
  GraphTraits traits_;
};

}  // namespace emulated_cudnn
