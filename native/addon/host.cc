#include "addon/host.h"

#include <future>

#include "addon/environment.h"
#include "addon/values.h"

namespace saturnn {
namespace {

Error disposed() { return Error("ERR_DISPOSED", "the device was disposed"); }

}  // namespace

// The end of a job, sent from the engine to the JavaScript thread. Without `deferred` it reports that the engine has
// ended.
struct DeviceHost::Completion {
  std::optional<Napi::Promise::Deferred> deferred;
  Settle settle;
  std::exception_ptr error;

  void conclude(Napi::Env env) const {
    try {
      if (error) throw makeError(env, describe(error));
      deferred->Resolve(guard(env, [&] { return settle(env); }));
    } catch (const Napi::Error& failure) {
      deferred->Reject(failure.Value());
    }
  }
};

std::shared_ptr<DeviceHost> DeviceHost::open(Napi::Env env, const SnBackend& backend, const OpenOptions& options) {
  const std::shared_ptr<DeviceHost> host(new DeviceHost(env, backend, options));
  environmentOf(env).hosts.insert(host);
  // The environment owns the host until its engine has ended; copies of the returned pointer count its users.
  return std::shared_ptr<DeviceHost>(host.get(), [host](DeviceHost*) { host->close(); });
}

DeviceHost::DeviceHost(Napi::Env env, const SnBackend& backend, const OpenOptions& options) : backend_(backend) {
  const auto last = std::make_shared<std::unique_ptr<Completion>>(std::make_unique<Completion>());
  if (backend.create_uploader != nullptr) copier_ = std::make_unique<Engine>([] {});
  engine_ = std::make_unique<Engine>([this, last] {
    device_.reset();
    if (copier_ != nullptr) {
      copier_->close();
      copier_->join();  // what it has not copied yet fails, because everything on the device was released
    }
    send(std::move(*last));
  });
  // Shared, because this thread may return from the wait while the engine is still inside set_value().
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
  // Hooks run in reverse order: the engine ends before the hook of the thread-safe function, which is older, runs.
  napi_add_env_cleanup_hook(env, cleanUp, this);
}

DeviceHost::~DeviceHost() = default;

void DeviceHost::cleanUp(void* host) { static_cast<DeviceHost*>(host)->stop(); }

void DeviceHost::stop() {
  engine_->stop();
  if (copier_ != nullptr) copier_->stop();
  engine_->join();
}

void DeviceHost::requireOpen() const {
  if (engine_->closed()) throw disposed();
}

void DeviceHost::post(std::function<void(Device&)> work) {
  engine_->post([this, work = std::move(work)] { work(*device_); });
}

Napi::Value DeviceHost::submit(Napi::Env env, Work work) {
  return submitTo(*engine_, env, [this, work = std::move(work)] { return work(*device_); });
}

Napi::Value DeviceHost::submitCopy(Napi::Env env, std::function<Settle()> work) {
  return submitTo(*copier_, env, std::move(work));
}

Napi::Value DeviceHost::submitTo(Engine& engine, Napi::Env env, std::function<Settle()> work) {
  const Napi::Promise::Deferred deferred = Napi::Promise::Deferred::New(env);
  // Made here, because a job must not throw: memory may run out. Shared, because a job is copied.
  const auto completion = std::make_shared<std::unique_ptr<Completion>>(std::make_unique<Completion>());
  (*completion)->deferred = deferred;
  const bool accepted = engine.post([this, completion, work = std::move(work)] {
    try {
      (*completion)->settle = work();
    } catch (...) {
      (*completion)->error = std::current_exception();
    }
    send(std::move(*completion));
  });
  if (!accepted) throw disposed();
  if (pending_++ == 0) channel_.Ref(env);
  return deferred.Promise();
}

void DeviceHost::send(std::unique_ptr<Completion> completion) {
  // Without a channel, the device did not open.
  if (channel_ == nullptr || channel_.NonBlockingCall(completion.get()) != napi_ok) return;
  static_cast<void>(completion.release());  // deliver() owns it now
}

// Runs on the JavaScript thread. `env` is null when the environment is shutting down: then no promise is settled.
void DeviceHost::deliver(Napi::Env env, Napi::Function, DeviceHost* host, Completion* received) {
  const std::unique_ptr<Completion> completion(received);
  if (env == nullptr) return;
  if (!completion->deferred) return host->finish(env);
  if (--host->pending_ == 0) host->channel_.Unref(env);
  try {
    completion->conclude(env);
  } catch (const Napi::Error&) {
    // The environment is terminating and accepts no values. An exception that left through Node's frames would abort.
  }
}

void DeviceHost::finish(Napi::Env env) {
  engine_->join();
  napi_remove_env_cleanup_hook(env, cleanUp, this);
  channel_.Release();
  Environment& environment = environmentOf(env);
  for (auto it = environment.hosts.begin(); it != environment.hosts.end(); ++it) {
    if (it->get() == this) {
      environment.hosts.erase(it);  // may delete `this`
      return;
    }
  }
}

}  // namespace saturnn
