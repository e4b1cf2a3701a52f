// A place on the device for values of an input that are uploaded while the call before runs: the NativeLanding of
// lib/runtime/native.ts.
#pragma once

#include <memory>
#include <mutex>

#include "core/device.h"

namespace saturnn {

class Landing final : public Resource {
 public:
  // Throws ERR_UNSUPPORTED if the backend cannot upload beside its work.
  Landing(Device& device, int64_t bytes);

  int64_t bytes() const { return bytes_; }

  // Copies at most bytes() from the host, in part beside the work of the device; returns when `source` may change. May be
  // called on any thread, when no run uses what was uploaded before. Throws ERR_DISPOSED.
  void upload(const void* source, int64_t bytes);
  // Returns where the data are for work that is enqueued from now on. Throws ERR_DISPOSED.
  const char* arrive();
  void release() noexcept override;

 private:
  struct UploaderDeleter {
    const SnBackend* backend;
    void operator()(SnUploader* uploader) const { backend->destroy_uploader(uploader); }
  };
  Device& requireDevice() const;

  const int64_t bytes_;
  std::mutex mutex_;  // of everything below: a thread may be uploading when the engine releases
  Device* device_;    // null: released
  DeviceMemory memory_;
  std::unique_ptr<SnUploader, UploaderDeleter> uploader_;
};

}  // namespace saturnn
