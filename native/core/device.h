// An open device of a backend: the C ABI, with its failures thrown as Error, and a registry of the objects on the
// device. Used only on the device's engine thread, except for the constants of the backend's table.
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

// An object that owns memory or kernels of a device. The device keeps it alive and releases it before it closes, so the
// order of dispose() calls and of the garbage collector does not matter.
class Resource : public std::enable_shared_from_this<Resource> {
 public:
  virtual ~Resource() = default;
  // Frees its memory and kernels. Called once, on the engine thread.
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

// An SnOpenOptions that points into `options`, which must live longer.
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
  // Memory is counted in `use`, which must live longer than the device.
  Device(const SnBackend& backend, const OpenOptions& options, MemoryUse& use);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const SnBackend& backend() const { return backend_; }
  SnDevice* handle() const { return handle_; }
  MemoryUse& use() const { return use_; }
  std::string describe() const;

  void adopt(std::shared_ptr<Resource> resource);
  // Releases the resource now. Does nothing if it was released before.
  void discard(Resource& resource) noexcept;

  void upload(void* destination, const void* source, int64_t bytes);
  void download(void* destination, const void* source, int64_t bytes);
  void fill(void* destination, uint8_t value, int64_t bytes);
  void copy(void* destination, const void* source, int64_t bytes);
  void synchronize();
  // Returns the device time of the work that `work` enqueues, in milliseconds.
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

// Throws the error that a failed call of a backend has written.
void checkStatus(int status, const SnError& error);

// A block of device memory, freed by the destructor.
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

// A resource that JavaScript receives before the engine has made it, because the engine may still be running a plan. If
// making it fails, every use throws the error.
class LateResource : public Resource {
 public:
  // Engine thread only. Stores a failure of allocate() for requireReady() instead of throwing it.
  void create(Device& device) noexcept;
  void release() noexcept final;

 protected:
  LateResource(ResourceKind kind, const char* what) : Resource(kind), what_(what) {}
  virtual void allocate(Device& device) = 0;
  virtual void free() noexcept = 0;
  // Throws the exception of allocate(), or ERR_DISPOSED.
  Device& requireReady() const;

 private:
  const char* what_;
  Device* device_ = nullptr;
  std::exception_ptr failure_;  // rethrown by requireReady()
};

}  // namespace saturnn
