// One thread with a queue of jobs. A device is used on its engine's thread only, so backends need no locks, kernels of
// different plans never interleave, and what was queued first happens first. Knows nothing of N-API or of devices.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace saturnn {

class Engine {
 public:
  // Jobs must not throw. They are run, and destroyed, on the engine's thread.
  using Job = std::function<void()>;

  // `atEnd` is the thread's last act, after the last job.
  explicit Engine(Job atEnd);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // False if the engine was closed or stopped: the job will not run.
  bool post(Job job);

  // The thread ends after what is queued.
  void close();
  bool closed() const;

  // The thread ends after the running job, which should watch stopping(); queued jobs are dropped.
  void stop();

  // Waits for the end; close() or stop() must have been called. May be called twice, but by one thread only.
  void join();

  const std::atomic<bool>& stopping() const { return stopping_; }

 private:
  void loop();
  bool next(Job& job);

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  bool closed_ = false;
  std::atomic<bool> stopping_{false};
  Job atEnd_;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace saturnn
