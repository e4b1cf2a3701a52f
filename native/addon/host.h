// A device in one JavaScript environment: the engine thread, and ONE thread-safe function that settles all promises of
// the device. It keeps Node alive only while promises are pending.
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
// Computes the result of a promise; runs on the engine thread and may throw.
using Work = std::function<Settle(Device&)>;

class DeviceHost {
 public:
  // Opens the device and waits for that. When the last copy of the handle is gone, the device is closed after all
  // queued jobs. Throws the error of the backend.
  static std::shared_ptr<DeviceHost> open(Napi::Env env, const SnBackend& backend, const OpenOptions& options);

  ~DeviceHost();

  const SnBackend& backend() const { return backend_; }
  const std::string& info() const { return info_; }
  // Memory in use; may be called on any thread. Queued jobs are counted when they have run.
  const MemoryUse& use() const { return use_; }
  const std::atomic<bool>& stopping() const { return engine_->stopping(); }
  // Throws ERR_DISPOSED after close().
  void requireOpen() const;
  // Closes the device after the queued jobs. May be called on any thread.
  void close() { engine_->close(); }
  // Ends the engine after the running kernel and waits for that. Called on the JavaScript thread when it ends.
  void stop();

  Napi::Value submit(Napi::Env env, Work work);
  // As submit(), on a thread of its own, for work that must not wait for the engine: copies to landings.
  Napi::Value submitCopy(Napi::Env env, std::function<Settle()> work);
  // Queues work without a promise. It is dropped if the device was closed, because closing frees everything.
  void post(std::function<void(Device&)> work);

 private:
  struct Completion;
  static void deliver(Napi::Env env, Napi::Function unused, DeviceHost* host, Completion* completion);
  using Channel = Napi::TypedThreadSafeFunction<DeviceHost, Completion, deliver>;

  DeviceHost(Napi::Env env, const SnBackend& backend, const OpenOptions& options);
  static void cleanUp(void* host);
  void finish(Napi::Env env);
  Napi::Value submitTo(Engine& engine, Napi::Env env, std::function<Settle()> work);
  void send(std::unique_ptr<Completion> completion);

  const SnBackend& backend_;
  std::string info_;
  int pending_ = 0;
  Channel channel_;
  MemoryUse use_;
  std::optional<Device> device_;    // engine thread only
  std::unique_ptr<Engine> copier_;  // null: the backend does not upload beside its work
  std::unique_ptr<Engine> engine_;
};

}  // namespace saturnn
