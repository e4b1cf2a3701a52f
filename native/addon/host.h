// A device as one JavaScript environment sees it: the engine thread, and ONE thread-safe function through which every
// promise of the device resolves. Node stays alive while promises are pending, and only then.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <optional>

#include "core/device.h"
#include "core/engine.h"

namespace saturnn {

// Makes the value of a promise; runs on the JavaScript thread.
using Settle = std::function<Napi::Value(Napi::Env)>;
// The work behind a promise; runs on the engine thread and may throw Error.
using Work = std::function<Settle(Device&)>;

class DeviceHost {
 public:
  // Waits for the backend to open the device. The handle closes the device when its last copy goes; what was queued is
  // done first. Throws what the backend throws.
  static std::shared_ptr<DeviceHost> open(Napi::Env env, const SnBackend& backend, const OpenOptions& options);

  ~DeviceHost();

  const SnBackend& backend() const { return backend_; }
  const std::string& info() const { return info_; }
  // Any thread. What is queued counts when it is done.
  const MemoryUse& use() const { return use_; }
  const std::atomic<bool>& stopping() const { return engine_->stopping(); }
  // Throws ERR_DISPOSED once close() was called.
  void requireOpen() const;
  // Any thread.
  void close() { engine_->close(); }
  // Ends the engine after the kernel that it is in, and waits for that. The JavaScript thread, at its end.
  void stop();

  Napi::Value submit(Napi::Env env, Work work);
  // Work that nobody waits for, in the same queue. Dropped if the device was closed: closing frees all.
  void post(std::function<void(Device&)> work);

 private:
  struct Completion;
  static void deliver(Napi::Env env, Napi::Function unused, DeviceHost* host, Completion* completion);
  using Channel = Napi::TypedThreadSafeFunction<DeviceHost, Completion, deliver>;

  DeviceHost(Napi::Env env, const SnBackend& backend, const OpenOptions& options);
  static void cleanUp(void* host);
  void finish(Napi::Env env);
  void send(std::unique_ptr<Completion> completion);

  const SnBackend& backend_;
  std::string info_;
  int pending_ = 0;
  Channel channel_;
  MemoryUse use_;
  std::optional<Device> device_;  // engine thread only
  std::unique_ptr<Engine> engine_;
};

}  // namespace saturnn
