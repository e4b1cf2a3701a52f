#include "core/engine.h"

#include <pthread.h>
#include <signal.h>

#include <system_error>

#include "core/exit.h"
#include "shared/error.h"

namespace saturnn {

Engine::Engine(Job atEnd) : atEnd_(std::move(atEnd)) {
  // Signals are handled on the main thread. The mask is inherited, so it also holds for worker threads of a backend.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread(&Engine::loop, this);
  } catch (const std::system_error& error) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw Error("ERR_THREADS", std::string("The system refused the thread of the device: ") + error.what());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  endWithThread(*this);
}

Engine::~Engine() {
  stop();
  join();
  forgetAtExit(*this);
}

bool Engine::post(Job job) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closed_ || stopping_) return false;
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void Engine::close() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
  }
  wake_.notify_one();
}

bool Engine::closed() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return closed_ || stopping_;
}

void Engine::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
}

void Engine::join() {
  const std::lock_guard<std::mutex> lock(joining_);
  if (thread_.joinable()) thread_.join();
}

bool Engine::next(Job& job) {
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || closed_ || !queue_.empty(); });
  if (stopping_ || queue_.empty()) return false;
  job = std::move(queue_.front());
  queue_.pop_front();
  return true;
}

void Engine::loop() {
  pthread_setname_np(pthread_self(), "saturnn-engine");
  Job job;
  while (next(job)) {
    job();
    job = nullptr;  // frees what it captured now, not when the next job arrives
  }
  std::deque<Job> dropped;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    dropped.swap(queue_);
  }
  dropped.clear();
  atEnd_();
}

}  // namespace saturnn
