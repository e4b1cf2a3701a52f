#include "core/landing.h"

namespace saturnn {

Landing::Landing(Device& device, int64_t bytes)
    : Resource(ResourceKind::Buffer),
      bytes_(bytes),
      device_(&device),
      uploader_(nullptr, UploaderDeleter{&device.backend()}) {
  const SnBackend& backend = device.backend();
  if (backend.create_uploader == nullptr) {
    throw Error("ERR_UNSUPPORTED", std::string("the backend ") + backend.name + " does not upload beside its work");
  }
  try {
    memory_ = DeviceMemory(device, MemoryKind::Buffer, bytes);
    SnError error{};
    SnUploader* made = nullptr;
    checkStatus(backend.create_uploader(device.handle(), static_cast<size_t>(bytes), &made, &error), error);
    uploader_.reset(made);
  } catch (const Error& failure) {
    const std::string size = std::to_string((bytes >> 20) + 1);
    throw Error(failure.code(), "streamed images need two buffers of " + size +
                                    " MiB on the device, and as much pinned memory of the host: " + failure.what() +
                                    ". A smaller batch needs less.");
  }
  device.use().addPinned(bytes);
}

Device& Landing::requireDevice() const {
  if (device_ == nullptr) throw Error("ERR_DISPOSED", "the landing was disposed");
  return *device_;
}

void Landing::upload(const void* source, int64_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const SnBackend& backend = requireDevice().backend();
  SnError error{};
  const auto size = static_cast<size_t>(bytes);
  checkStatus(backend.upload_ahead(uploader_.get(), memory_.data(), source, size, &error), error);
}

const char* Landing::arrive() {
  const std::lock_guard<std::mutex> lock(mutex_);
  SnError error{};
  checkStatus(requireDevice().backend().await_upload(uploader_.get(), &error), error);
  return memory_.data();
}

void Landing::release() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  device_->use().addPinned(-bytes_);
  uploader_ = nullptr;
  memory_.reset();
  device_ = nullptr;
}

}  // namespace saturnn
