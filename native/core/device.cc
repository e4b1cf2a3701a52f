#include "core/device.h"

#include <cstring>
#include <new>
#include <utility>

namespace saturnn {

void checkStatus(int status, const SnError& error) {
  if (status == SN_OK) return;
  const std::string code(error.code, strnlen(error.code, sizeof error.code));
  const std::string message(error.message, strnlen(error.message, sizeof error.message));
  throw Error(code.empty() ? "ERR_INTERNAL" : code, message);
}

OpenOptionsView::OpenOptionsView(const OpenOptions& options) {
  for (const std::string& path : options.searchPaths) paths_.push_back(path.c_str());
  view_.index = options.index;
  view_.threads = options.threads;
  view_.search_paths = paths_.data();
  view_.search_path_count = static_cast<int32_t>(paths_.size());
  view_.cache_folder = options.cacheFolder.empty() ? nullptr : options.cacheFolder.c_str();
}

Device::Device(const SnBackend& backend, const OpenOptions& options, MemoryUse& use) : backend_(backend), use_(use) {
  SnError error{};
  checkStatus(backend_.open(OpenOptionsView(options).get(), &handle_, &error), error);
}

Device::~Device() {
  // Moved out first: release() must not change the registry during the loop.
  const auto resources = std::move(resources_);
  for (const auto& entry : resources) {
    entry.second->release();
    use_.add(entry.second->kind, -1);
  }
  backend_.close(handle_);
}

std::string Device::describe() const {
  std::vector<char> json(64 * 1024);
  backend_.describe(handle_, json.data(), json.size());
  return std::string(json.data(), strnlen(json.data(), json.size()));
}

void Device::adopt(std::shared_ptr<Resource> resource) {
  Resource* key = resource.get();
  resources_.emplace(key, std::move(resource));
  use_.add(key->kind, 1);
}

void Device::discard(Resource& resource) noexcept {
  const auto found = resources_.find(&resource);
  if (found == resources_.end()) return;
  const std::shared_ptr<Resource> last = std::move(found->second);
  resources_.erase(found);
  last->release();
  use_.add(last->kind, -1);
}

void Device::upload(void* destination, const void* source, int64_t bytes) {
  if (bytes == 0) return;
  SnError error{};
  checkStatus(backend_.upload(handle_, destination, source, static_cast<size_t>(bytes), &error), error);
}

void Device::download(void* destination, const void* source, int64_t bytes) {
  if (bytes == 0) return;
  SnError error{};
  checkStatus(backend_.download(handle_, destination, source, static_cast<size_t>(bytes), &error), error);
}

void Device::fill(void* destination, uint8_t value, int64_t bytes) {
  if (bytes == 0) return;
  SnError error{};
  checkStatus(backend_.fill(handle_, destination, value, static_cast<size_t>(bytes), &error), error);
}

void Device::copy(void* destination, const void* source, int64_t bytes) {
  if (bytes == 0) return;
  SnError error{};
  checkStatus(backend_.copy(handle_, destination, source, static_cast<size_t>(bytes), &error), error);
}

void Device::synchronize() {
  SnError error{};
  checkStatus(backend_.synchronize(handle_, &error), error);
}

void Device::startTimer() {
  SnError error{};
  checkStatus(backend_.start_timer(handle_, &error), error);
}

double Device::stopTimer() {
  SnError error{};
  double milliseconds = 0;
  checkStatus(backend_.stop_timer(handle_, &milliseconds, &error), error);
  return milliseconds;
}

DeviceMemory::DeviceMemory(Device& device, MemoryKind kind, int64_t bytes)
    : device_(&device), kind_(kind), bytes_(bytes) {
  if (bytes == 0) return;
  SnError error{};
  checkStatus(device.backend().allocate(device.handle(), static_cast<size_t>(bytes), &data_, &error), error);
  device.use().add(kind, bytes);
}

DeviceMemory& DeviceMemory::operator=(DeviceMemory&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(kind_, other.kind_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void DeviceMemory::reset() noexcept {
  if (data_ != nullptr) {
    device_->backend().release(device_->handle(), data_, static_cast<size_t>(bytes_));
    device_->use().add(kind_, -bytes_);
  }
  data_ = nullptr;
  bytes_ = 0;
}

void LateResource::create(Device& device) noexcept {
  device_ = &device;
  try {
    device.adopt(shared_from_this());
    allocate(device);
  } catch (...) {
    failure_ = std::current_exception();
    free();  // what was made of it: the failure must not keep memory until someone collects the object
  }
}

void LateResource::release() noexcept {
  free();
  device_ = nullptr;
}

Device& LateResource::requireReady() const {
  if (device_ == nullptr) throw Error("ERR_DISPOSED", std::string(what_) + " was disposed");
  if (failure_) std::rethrow_exception(failure_);
  return *device_;
}

}  // namespace saturnn
