// See descriptor.h.
#include "descriptor.h"

namespace emulated_cudnn {

double Content::number(cudnnBackendAttributeName_t name, double otherwise) const {
  const auto place = attributes.find(name);
  if (place == attributes.end()) return otherwise;
  return place->second.type == CUDNN_TYPE_DOUBLE ? value<double>(name, otherwise)
                                                 : value<float>(name, static_cast<float>(otherwise));
}

std::vector<int64_t> Content::integers(cudnnBackendAttributeName_t name) const {
  const auto place = attributes.find(name);
  if (place == attributes.end()) return {};
  std::vector<int64_t> values(place->second.count);
  memcpy(values.data(), place->second.bytes.data(), values.size() * sizeof(int64_t));
  return values;
}

ContentPointer Content::descriptor(cudnnBackendAttributeName_t name) const {
  const std::vector<ContentPointer> all = descriptors(name);
  return all.empty() ? nullptr : all.front();
}

std::vector<ContentPointer> Content::descriptors(cudnnBackendAttributeName_t name) const {
  const auto place = attributes.find(name);
  return place == attributes.end() ? std::vector<ContentPointer>() : place->second.contents;
}

void Content::putDescriptors(cudnnBackendAttributeName_t name, std::vector<ContentPointer> values) {
  Attribute attribute{CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<int64_t>(values.size()), {}, std::move(values)};
  attributes[name] = std::move(attribute);
}

}  // namespace emulated_cudnn
