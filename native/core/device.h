// An opened device of a backend: the C ABI with its failures turned into Error, and the registry of what lives on it.
// Everything here belongs to the device's engine thread, but for the constants of the backend's table.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/memory_use.h"
#include "shared/backend.h"
#include "shared/error.h"

namespace saturnn {

// Something that owns memory or kernels of a device. The device keeps it alive, and releases it before it closes, so
// that neither the order of dispose() calls nor that of the garbage collector matters.
class Resource : public std::enable_shared_from_this<Resource> {
 public:
  virtual ~Resource() = default;
  // Gives everything back. Called once, on the engine thread.
  virtual void release() noexcept = 0;

  const ResourceKind kind;

 protected:
  explicit Resource(ResourceKind kind) : kind(kind) {}
};

struct OpenOptions {
  std::string libraryPath;
  int32_t index = 0;
  int32_t threads = 0;
  std::vector<std::string> searchPaths;
  std::string cacheFolder;  // empty: none
};

// SnOpenOptions that points into `options`.
class OpenOptionsView {
 public:
  explicit OpenOptionsView(const OpenOptions& options);
  const SnOpenOptions* get() const { return &view_; }

 private:
  std::vector<const char*> paths_;
  SnOpenOptions view_{};
};

class Device {
 public:
  // Counts in `use`, which outlives the device.
  Device(const SnBackend& backend, const OpenOptions& options, MemoryUse& use);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const SnBackend& backend() const { return backend_; }
  SnDevice* handle() const { return handle_; }
  MemoryUse& use() const { return use_; }
  std::string describe() const;

  void adopt(std::shared_ptr<Resource> resource);
  // Releases it now. Nothing happens if it was released before.
  void discard(Resource& resource) noexcept;

  void upload(void* destination, const void* source, int64_t bytes);
  void download(void* destination, const void* source, int64_t bytes);
  void fill(void* destination, uint8_t value, int64_t bytes);
  void copy(void* destination, const void* source, int64_t bytes);
  void synchronize();
  // What the device needs for what `work` enqueues.
  template <class Work>
  double milliseconds(Work&& work) {
    startTimer();
    work();
    return stopTimer();
  }

 private:
  void startTimer();
  double stopTimer();

  const SnBackend& backend_;
  MemoryUse& use_;
  SnDevice* handle_ = nullptr;
  std::unordered_map<Resource*, std::shared_ptr<Resource>> resources_;
};

// Throws what a failed call of a backend left in `error`.
void checkStatus(int status, const SnError& error);

// A block of device memory.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(Device& device, MemoryKind kind, int64_t bytes);  // 0 bytes: nothing is allocated
  ~DeviceMemory() { reset(); }
  DeviceMemory(DeviceMemory&& other) noexcept { *this = std::move(other); }
  DeviceMemory& operator=(DeviceMemory&& other) noexcept;

  void reset() noexcept;
  char* data() const { return static_cast<char*>(data_); }
  int64_t bytes() const { return bytes_; }

 private:
  Device* device_ = nullptr;
  MemoryKind kind_ = MemoryKind::Buffer;
  void* data_ = nullptr;
  int64_t bytes_ = 0;
};

// A resource that JavaScript gets before the engine has made it, because making it may have to wait for a run. If that
// fails, whoever uses it first gets the error.
class LateResource : public Resource {
 public:
  // Engine thread. Never throws.
  void create(Device& device) noexcept;
  void release() noexcept final;

 protected:
  LateResource(ResourceKind kind, const char* what) : Resource(kind), what_(what) {}
  virtual void allocate(Device& device) = 0;
  virtual void free() noexcept = 0;
  // Throws the failure of allocate(), or ERR_DISPOSED.
  Device& requireReady() const;

 private:
  const char* what_;
  Device* device_ = nullptr;
  std::exception_ptr failure_;  // rethrown by requireReady()
};

}  // namespace saturnn
