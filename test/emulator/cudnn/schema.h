// The attributes of each descriptor: the tables of cuDNN's backend API, as far as the emulation supports them.
#pragma once

#include "descriptor.h"

namespace emulated_cudnn {

enum class Need { required, optional, readOnly };

struct AttributeRule {
  cudnnBackendDescriptorType_t descriptor;
  cudnnBackendAttributeName_t name;
  cudnnBackendAttributeType_t type;
  int64_t most;  // elements
  Need need;
};

bool isKnown(cudnnBackendDescriptorType_t type);
// Throws a Failure if the descriptor has no such attribute.
const AttributeRule& ruleOf(cudnnBackendDescriptorType_t descriptor, cudnnBackendAttributeName_t name);
// Throws a Failure for the first required attribute that was not set.
void requireComplete(const Content& content);
size_t bytesOf(cudnnBackendAttributeType_t type);

}  // namespace emulated_cudnn
