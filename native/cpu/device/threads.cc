#include "cpu/device/threads.h"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include "cpu/device/processor.h"
#include "shared/error.h"

namespace saturnn::cpu {

namespace {

// Returns OpenMP's size of a stack, by its rules: a number and B, K, M or G, where K is the default. 0: the system's size.
size_t stackBytes() {
  const char* text = std::getenv("OMP_STACKSIZE");
  if (text == nullptr) text = std::getenv("GOMP_STACKSIZE");
  if (text == nullptr) return 0;
  char* end = nullptr;
  const unsigned long number = std::strtoul(text, &end, 10);
  while (std::isspace(static_cast<unsigned char>(*end)) != 0) ++end;
  switch (std::tolower(static_cast<unsigned char>(*end))) {
    case 'b': return number;
    case 'm': return number << 20;
    case 'g': return number << 30;
    default: return number << 10;
  }
}

// Threads that wait until all have been made, to see how many the system grants at the same time. They wait for a mutex: waiting for
// a condition_variable would need the C++ library of GCC 12, which RHEL 9 does not have.
class Trial {
 public:
  explicit Trial(int wanted) {
    over_.lock();
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (const size_t bytes = stackBytes()) pthread_attr_setstacksize(&attributes, bytes);
    threads_.reserve(static_cast<size_t>(wanted));
    for (int i = 0; i < wanted; ++i) {
      pthread_t thread{};
      if (pthread_create(&thread, &attributes, wait, this) != 0) break;
      threads_.push_back(thread);
    }
    pthread_attr_destroy(&attributes);
  }

  ~Trial() {
    over_.unlock();
    for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
  }

  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  int granted() const { return static_cast<int>(threads_.size()); }

 private:
  static void* wait(void* self) {
    const std::lock_guard<std::mutex> lock(static_cast<Trial*>(self)->over_);
    return nullptr;
  }

  std::vector<pthread_t> threads_;
  // Locked while the trial lasts.
  std::mutex over_;
};

}  // namespace

int defaultThreads() {
  const char* given = std::getenv("OMP_NUM_THREADS");
  // OpenMP has read it, when it was loaded; what it could not read, it has reported and ignored.
  const int number = given == nullptr ? 0 : std::atoi(given);
  return number > 0 ? std::min(number, maxThreads) : usableCores();
}

int startThreads(int wanted, bool exactly) {
  const int most = std::min(wanted, omp_get_thread_limit());
  const int granted = 1 + Trial(most - 1).granted();
  if (granted < most && exactly) {
    throw Error("ERR_THREADS", "The system grants " + std::to_string(granted) + " threads for computing, but " +
                                   std::to_string(most) +
                                   " were asked for. Limits: ulimit -u, pids.max of the control group, and memory for "
                                   "their stacks (OMP_STACKSIZE)");
  }
  omp_set_dynamic(0);
  omp_set_num_threads(granted);
  int size = 0;
#pragma omp parallel
  {
#pragma omp single
    size = omp_get_num_threads();
  }
  return size;
}

}  // namespace saturnn::cpu
