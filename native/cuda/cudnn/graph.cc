// See graph.h. Nothing here needs a GPU.
#include "cuda/cudnn/graph.h"

#include <algorithm>
#include <utility>

#include "shared/error.h"

namespace saturnn::cuda {

void checkCudnn(const CudnnApi& api, cudnnStatus_t status, const std::string& call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char detail[1024] = "";
  api.getLastErrorString(detail, sizeof detail);
  throw Error("ERR_CUDNN",
              call + " failed: " + api.getErrorString(status) + (detail[0] ? std::string(": ") + detail : ""));
}

Descriptor::Descriptor(const CudnnApi& api, cudnnBackendDescriptorType_t type, const char* what)
    : api_(&api), what_(what) {
  checkCudnn(api, api.createDescriptor(type, &raw_), std::string("creating cuDNN's descriptor of the ") + what_);
}

Descriptor::Descriptor(Descriptor&& other) noexcept : api_(other.api_), what_(other.what_), raw_(other.raw_) {
  other.raw_ = nullptr;
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(api_, other.api_);
  std::swap(what_, other.what_);
  std::swap(raw_, other.raw_);
  return *this;
}

Descriptor::~Descriptor() {
  if (raw_) api_->destroyDescriptor(raw_);
}

void Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                     const void* values) {
  checkCudnn(*api_, api_->setAttribute(raw_, name, type, count, values),
             "setting attribute " + std::to_string(name) + " of the " + what_);
}

void Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& value) {
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.raw_);
}

void Descriptor::setAll(cudnnBackendAttributeName_t name, const std::vector<const Descriptor*>& values) {
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const Descriptor* value : values) raw.push_back(value->raw_);
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<int64_t>(raw.size()), raw.data());
}

void Descriptor::set(cudnnBackendAttributeName_t name, const std::vector<int64_t>& values) {
  set(name, CUDNN_TYPE_INT64, static_cast<int64_t>(values.size()), values.data());
}

void Descriptor::set(cudnnBackendAttributeName_t name, cudnnDataType_t value) {
  set(name, CUDNN_TYPE_DATA_TYPE, 1, &value);
}

void Descriptor::setFlag(cudnnBackendAttributeName_t name, bool value) { set(name, CUDNN_TYPE_BOOLEAN, 1, &value); }

void Descriptor::setFloat(cudnnBackendAttributeName_t name, float value) { set(name, CUDNN_TYPE_FLOAT, 1, &value); }

int64_t Descriptor::get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t capacity,
                        void* values) const {
  int64_t count = 0;
  const cudnnStatus_t status = api_->getAttribute(raw_, name, type, capacity, &count, values);
  return status == CUDNN_STATUS_SUCCESS ? std::min(count, capacity) : 0;
}

int64_t Descriptor::get(cudnnBackendAttributeName_t name, std::vector<Descriptor>& values) const {
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const Descriptor& value : values) raw.push_back(value.raw_);
  return get(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<int64_t>(raw.size()), raw.data());
}

int64_t Descriptor::getInteger(cudnnBackendAttributeName_t name, int64_t otherwise) const {
  int64_t value = otherwise;
  return get(name, CUDNN_TYPE_INT64, 1, &value) == 1 ? value : otherwise;
}

void Descriptor::finalize() { checkCudnn(*api_, api_->finalize(raw_), std::string("finalising the ") + what_); }

std::vector<Descriptor> makeDescriptors(const CudnnApi& api, cudnnBackendDescriptorType_t type, const char* what,
                                        int count) {
  std::vector<Descriptor> descriptors;
  for (int i = 0; i < count; ++i) descriptors.emplace_back(api, type, what);
  return descriptors;
}

Descriptor describeDevice(const CudnnApi& api, const std::string& json) {
  Descriptor device(api, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, "device properties");
  device.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, static_cast<int64_t>(json.size()) + 1,
             json.c_str());
  device.finalize();
  return device;
}

}  // namespace saturnn::cuda
