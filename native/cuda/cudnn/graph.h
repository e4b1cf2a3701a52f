// The descriptors of cuDNN's graph API (the backend C API of cudnn_graph.h), in wrappers that free them and check every
// call.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cuda/cudnn/api.h"

namespace saturnn::cuda {

// One cuDNN descriptor: created, filled, finalised, destroyed. `what` names it in error messages.
class Descriptor {
 public:
  Descriptor(const CudnnApi& api, cudnnBackendDescriptorType_t type, const char* what);
  Descriptor(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count, const void* values);
  void set(cudnnBackendAttributeName_t name, const Descriptor& value);
  void setAll(cudnnBackendAttributeName_t name, const std::vector<const Descriptor*>& values);
  void set(cudnnBackendAttributeName_t name, const std::vector<int64_t>& values);
  void set(cudnnBackendAttributeName_t name, cudnnDataType_t value);
  void setFlag(cudnnBackendAttributeName_t name, bool value);
  void setFloat(cudnnBackendAttributeName_t name, float value);
  // Returns the number of elements written; 0 if cuDNN does not know the attribute.
  int64_t get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t capacity, void* values) const;
  // Fills existing descriptors, which is how cuDNN returns lists of them.
  int64_t get(cudnnBackendAttributeName_t name, std::vector<Descriptor>& values) const;
  int64_t getInteger(cudnnBackendAttributeName_t name, int64_t otherwise) const;
  void finalize();
  cudnnBackendDescriptor_t raw() const { return raw_; }

 private:
  const CudnnApi* api_;
  const char* what_;
  cudnnBackendDescriptor_t raw_ = nullptr;
};

std::vector<Descriptor> makeDescriptors(const CudnnApi& api, cudnnBackendDescriptorType_t type, const char* what,
                                        int count);

// The target of plans: a device (its handle), or only its description, which needs no GPU (cuDNN >= 9.8).
struct GraphTarget {
  const CudnnApi& api;
  cudnnHandle_t handle = nullptr;
  const Descriptor* deviceProperties = nullptr;
};

// Returns the finalised description of a device, from the JSON text that cuDNN serialises DeviceProperties to.
Descriptor describeDevice(const CudnnApi& api, const std::string& json);

// Throws ERR_CUDNN with cuDNN's last error.
void checkCudnn(const CudnnApi& api, cudnnStatus_t status, const std::string& call);

}  // namespace saturnn::cuda
