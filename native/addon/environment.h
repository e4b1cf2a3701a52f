// The data of the addon for one JavaScript environment (the main thread or a worker): its instance data.
#pragma once

#include <napi.h>

#include <memory>
#include <set>

namespace saturnn {

class DeviceHost;

// Numbers of living objects. Shared, because objects may be finalized after the instance data.
struct Counters {
  int devices = 0;
  int states = 0;
  int plans = 0;
  int buffers = 0;
  int64_t bytes = 0;  // reported to the garbage collector
};

struct Environment {
  std::shared_ptr<Counters> counters = std::make_shared<Counters>();
  Napi::FunctionReference deviceClass;
  Napi::FunctionReference stateClass;
  Napi::FunctionReference bufferClass;
  Napi::FunctionReference landingClass;
  Napi::FunctionReference planClass;
  Napi::FunctionReference cancellationClass;
  // The constructor ArrayBuffer: unlike N-API's function, it throws if there is no memory, and does not abort.
  Napi::FunctionReference arrayBuffer;
  // The value that the next constructor call wraps. Null in calls from JavaScript, which the constructors reject.
  void* construction = nullptr;
  // The devices whose engine has not ended.
  std::set<std::shared_ptr<DeviceHost>> hosts;
};

inline Environment& environmentOf(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

// Makes an object of one of the addon's classes around `value`, which its constructor moves from.
template <class T>
Napi::Object construct(Napi::Env env, Napi::FunctionReference Environment::*which, T value) {
  Environment& environment = environmentOf(env);
  environment.construction = &value;
  // If the constructor is never called (stack overflow), no pointer to `value` may stay behind.
  const std::unique_ptr<Environment, void (*)(Environment*)> reset(&environment,
                                                                   [](Environment* it) { it->construction = nullptr; });
  return (environment.*which).New({});
}

// Takes the value of construct(). Called by the constructors. Throws a TypeError if JavaScript called the constructor.
template <class T>
T takeConstruction(const Napi::CallbackInfo& info) {
  void*& construction = environmentOf(info.Env()).construction;
  if (construction == nullptr) {
    Napi::Error error = Napi::TypeError::New(info.Env(), "Illegal constructor: use openDevice()");
    error.Set("code", "ERR_INVALID_ARGUMENT");
    throw error;
  }
  T value = std::move(*static_cast<T*>(construction));
  construction = nullptr;
  return value;
}

// Counts an object from its construction to end(), which may be called twice. Also reports the object's device memory
// to the garbage collector, which does not see it otherwise, so that unused objects are collected in time.
class Counted {
 public:
  Counted() = default;
  Counted(Napi::Env env, int Counters::*which) : counters_(environmentOf(env).counters), which_(which) {
    ++(counters_.get()->*which_);
  }
  ~Counted() { leave(); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

  void addBytes(Napi::BasicEnv env, int64_t bytes) {
    if (counters_ == nullptr) return;
    Napi::MemoryManagement::AdjustExternalMemory(env, bytes);
    counters_->bytes += bytes;
    bytes_ += bytes;
  }

  void end(Napi::BasicEnv env) {
    addBytes(env, -bytes_);
    leave();
  }

 private:
  void leave() {
    if (counters_ != nullptr) --(counters_.get()->*which_);
    counters_ = nullptr;
  }

  std::shared_ptr<Counters> counters_;
  int Counters::*which_ = nullptr;
  int64_t bytes_ = 0;
};

}  // namespace saturnn
