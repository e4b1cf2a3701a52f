// An operation graph, ready to be interpreted.
#pragma once

#include <map>

#include "engines.h"
#include "operation.h"

namespace emulated_cudnn {

class Program {
 public:
  // In the order given, which must be one in which they can run. Throws a Failure.
  explicit Program(const std::vector<ContentPointer>& operations);

  // What the choice of engines depends on.
  const GraphTraits& traits() const { return traits_; }

  // Checks the pointers (of device memory, but for tensors by value), reads those by value, and enqueues the rest.
  // Throws a Failure.
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
