// One thread with a queue of jobs. A device is used only on its engine's thread: backends need no locks, kernels of
// different plans never interleave, and jobs run in the order of the queue. Independent of N-API and of devices.
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
  // A job must not throw. It is run, and destroyed, on the engine's thread.
  using Job = std::function<void()>;

  // `atEnd` runs on the thread after the last job. Throws ERR_THREADS if the system refuses the thread.
  explicit Engine(Job atEnd);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Returns false if the engine was closed or stopped: the job will not run.
  bool post(Job job);

  // Ends the thread after the queued jobs.
  void close();
  bool closed() const;

  // Ends the thread after the running job, which should watch stopping(). Queued jobs are dropped.
  void stop();

  // Waits for the end of the thread, after close() or stop(). May be called twice and by any thread but the engine's own.
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
  std::mutex joining_;
  std::thread thread_;  // it uses everything above
};

}  // namespace saturnn
