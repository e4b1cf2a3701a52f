// Finds out whether there is a usable NVIDIA driver, through dlopen, so that this works without one.
#pragma once

#include <string>
#include <vector>

namespace saturnn::cuda {

// The CUDA runtime is linked statically; its version decides which drivers are too old.
constexpr int kOldestDriverCuda = 13000;

struct DriverReport {
  int cudaVersion = 0;  // newest CUDA that the driver supports, e.g. 13000; 0: no driver
  std::vector<std::string> devices;
  std::string problem;  // empty: usable. Else a sentence with the remedy, for ERR_CUDA_UNAVAILABLE
};

DriverReport probeDriver();

// 13000 -> "13.0"
std::string cudaVersionText(int version);

}  // namespace saturnn::cuda
