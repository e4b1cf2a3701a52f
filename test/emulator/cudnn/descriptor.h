// The content of a backend descriptor: its attributes as they were set, checked for the types and counts that cuDNN
// documents.
#pragma once

#include <cudnn_backend.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace emulated_cudnn {

// An error: becomes the status of a call and the text of cudnnGetLastErrorString.
struct Failure {
  cudnnStatus_t status;
  std::string message;
};

class Program;
struct Content;
using ContentPointer = std::shared_ptr<Content>;

struct Attribute {
  cudnnBackendAttributeType_t type;
  int64_t count = 0;
  std::vector<char> bytes;               // of values
  std::vector<ContentPointer> contents;  // of descriptors
};

struct Content {
  explicit Content(cudnnBackendDescriptorType_t type) : type(type) {}

  cudnnBackendDescriptorType_t type;
  bool finalized = false;
  std::map<int, Attribute> attributes;
  std::shared_ptr<const Program> program;  // of an operation graph, and of what was made from one

  bool has(cudnnBackendAttributeName_t name) const { return attributes.count(name) != 0; }

  // Returns the first value of an attribute, or `otherwise` if it was not set.
  template <class T>
  T value(cudnnBackendAttributeName_t name, T otherwise) const {
    const auto place = attributes.find(name);
    if (place == attributes.end() || place->second.bytes.size() < sizeof(T)) return otherwise;
    T value;
    memcpy(&value, place->second.bytes.data(), sizeof value);
    return value;
  }
  // Returns a float, also if it was set as a double.
  double number(cudnnBackendAttributeName_t name, double otherwise) const;
  std::vector<int64_t> integers(cudnnBackendAttributeName_t name) const;
  // Returns null if the attribute was not set.
  ContentPointer descriptor(cudnnBackendAttributeName_t name) const;
  std::vector<ContentPointer> descriptors(cudnnBackendAttributeName_t name) const;

  template <class T>
  void put(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const std::vector<T>& values) {
    Attribute attribute{type, static_cast<int64_t>(values.size()), {}, {}};
    attribute.bytes.resize(values.size() * sizeof(T));
    if (!values.empty()) memcpy(attribute.bytes.data(), values.data(), attribute.bytes.size());
    attributes[name] = std::move(attribute);
  }
  void putDescriptors(cudnnBackendAttributeName_t name, std::vector<ContentPointer> values);
};

// The object behind a cudnnBackendDescriptor_t. Other descriptors may share its content, which may outlive it.
struct Descriptor {
  ContentPointer content;
};

}  // namespace emulated_cudnn
