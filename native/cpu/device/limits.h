// Limits that the control groups of this process set (containers, systemd slices, job schedulers): version 1 and 2.
#pragma once

#include <cstdint>
#include <string>

namespace saturnn::cpu {

struct Limits {
  double processors = 0;  // processor time per time, e.g. 1.5; 0: no limit
  int64_t memory = 0;     // bytes; 0: no limit
};

// Returns the lowest limits of the process's groups and of the groups around them, as far as they are mounted. `root` is
// a folder in place of "/", for tests.
Limits controlGroupLimits(const std::string& root = "");

}  // namespace saturnn::cpu
