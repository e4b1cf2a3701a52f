// Bytes that stay on a device between runs, such as a data set: the NativeBuffer of lib/runtime/native.ts.
#pragma once

#include <utility>

#include "core/device.h"

namespace saturnn {

class Resident final : public LateResource {
 public:
  explicit Resident(std::vector<uint8_t> data)
      : LateResource(ResourceKind::Buffer, "the resident buffer"),
        bytes_(static_cast<int64_t>(data.size())),
        pending_(std::move(data)) {}

  int64_t bytes() const { return bytes_; }

  // Engine thread only. Throws if the upload failed or the buffer was disposed.
  char* data() const {
    requireReady();
    return memory_.data();
  }

 private:
  void allocate(Device& device) override {
    const std::vector<uint8_t> data = std::move(pending_);
    memory_ = DeviceMemory(device, MemoryKind::Buffer, bytes_);
    device.upload(memory_.data(), data.data(), bytes_);
  }
  void free() noexcept override { memory_.reset(); }

  const int64_t bytes_;
  std::vector<uint8_t> pending_;  // until the engine has uploaded it
  DeviceMemory memory_;
};

}  // namespace saturnn
