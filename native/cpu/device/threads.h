// The OpenMP threads of a device, made when it is opened: GNU OpenMP ends the process if the system refuses one later.
#pragma once

namespace saturnn::cpu {

// Most threads of a device.
constexpr int maxThreads = 1024;

// Returns how many threads a device has if nobody says: OMP_NUM_THREADS, or else one per core (usableCores()).
int defaultThreads();

// Makes the calling thread's team of `wanted` threads and returns its size. If the system refuses some of them, the team
// is smaller, or with `exactly` this throws ERR_THREADS.
int startThreads(int wanted, bool exactly);

}  // namespace saturnn::cpu
