#include "addon/host.h"

#include <future>

#include "addon/environment.h"
#include "addon/values.h"

namespace saturnn {
namespace {

Error disposed() { return Error("ERR_DISPOSED", "the device was disposed"); }

}  // namespace

// Goes from the engine to the JavaScript thread. With neither a value nor an error it says that the engine has ended.
struct DeviceHost::Completion {
  std::optional<Napi::Promise::Deferred> deferred;
  Settle settle;
  std::optional<Error> error;

  void conclude(Napi::Env env) const {
    try {
      if (error) throw makeError(env, *error);
      deferred->Resolve(guard(env, [&] { return settle(env); }));
    } catch (const Napi::Error& failure) {
      deferred->Reject(failure.Value());
    }
  }
};

std::shared_ptr<DeviceHost> DeviceHost::open(Napi::Env env, const SnBackend& backend, const OpenOptions& options) {
  const std::shared_ptr<DeviceHost> host(new DeviceHost(env, backend, options));
  environmentOf(env).hosts.insert(host);
  // The environment keeps the host until its engine has ended; the copies of this pointer say who still wants it.
  return std::shared_ptr<DeviceHost>(host.get(), [host](DeviceHost*) { host->close(); });
}

DeviceHost::DeviceHost(Napi::Env env, const SnBackend& backend, const OpenOptions& options) : backend_(backend) {
  engine_ = std::make_unique<Engine>([this] {
    device_.reset();
    send(std::make_unique<Completion>());
  });
  // Shared: this thread may be past the wait before the other has left set_value().
  const auto opened = std::make_shared<std::promise<void>>();
  engine_->post([this, opened, &backend, &options] {
    try {
      device_.emplace(backend, options, use_);
      info_ = device_->describe();
      opened->set_value();
    } catch (...) {
      opened->set_exception(std::current_exception());
    }
  });
  opened->get_future().get();
  channel_ = Channel::New(env, "saturnn", 0, 1, this);
  channel_.Unref(env);
  // Hooks run last in, first out: the engine ends while the thread-safe function, whose hook is older, still works.
  napi_add_env_cleanup_hook(env, cleanUp, this);
}

DeviceHost::~DeviceHost() = default;

void DeviceHost::cleanUp(void* host) { static_cast<DeviceHost*>(host)->stop(); }

void DeviceHost::stop() {
  engine_->stop();
  engine_->join();
}

void DeviceHost::requireOpen() const {
  if (engine_->closed()) throw disposed();
}

void DeviceHost::post(std::function<void(Device&)> work) {
  engine_->post([this, work = std::move(work)] { work(*device_); });
}

Napi::Value DeviceHost::submit(Napi::Env env, Work work) {
  const Napi::Promise::Deferred deferred = Napi::Promise::Deferred::New(env);
  const bool accepted = engine_->post([this, deferred, work = std::move(work)] {
    auto completion = std::make_unique<Completion>();
    completion->deferred = deferred;
    try {
      completion->settle = work(*device_);
    } catch (const Error& error) {
      completion->error = error;
    } catch (const std::bad_alloc&) {
      completion->error = Error("ERR_OUT_OF_MEMORY", "Out of memory on the host");
    } catch (const std::exception& error) {
      completion->error = Error("ERR_INTERNAL", error.what());
    }
    send(std::move(completion));
  });
  if (!accepted) throw disposed();
  if (pending_++ == 0) channel_.Ref(env);
  return deferred.Promise();
}

void DeviceHost::send(std::unique_ptr<Completion> completion) {
  // No channel: the device did not open.
  if (channel_ == nullptr || channel_.NonBlockingCall(completion.get()) != napi_ok) return;
  static_cast<void>(completion.release());  // deliver() owns it now
}

// Without an environment, JavaScript is at its end and nobody waits for the promise.
void DeviceHost::deliver(Napi::Env env, Napi::Function, DeviceHost* host, Completion* received) {
  const std::unique_ptr<Completion> completion(received);
  if (env == nullptr) return;
  if (!completion->deferred) return host->finish(env);
  if (--host->pending_ == 0) host->channel_.Unref(env);
  try {
    completion->conclude(env);
  } catch (const Napi::Error&) {
    // The environment is being terminated and takes no more values; an exception may not leave through Node's frames.
  }
}

void DeviceHost::finish(Napi::Env env) {
  engine_->join();
  napi_remove_env_cleanup_hook(env, cleanUp, this);
  channel_.Release();
  Environment& environment = environmentOf(env);
  for (auto it = environment.hosts.begin(); it != environment.hosts.end(); ++it) {
    if (it->get() == this) {
      environment.hosts.erase(it);  // may be the end of `this`
      return;
    }
  }
}

}  // namespace saturnn
