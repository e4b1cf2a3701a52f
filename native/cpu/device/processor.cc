#include "cpu/device/processor.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <utility>

namespace saturnn::cpu {

namespace {

int readNumber(const std::string& path, int fallback) {
  std::ifstream file(path);
  int value = fallback;
  return file >> value ? value : fallback;
}

// Returns how many whole processors control group v2 allows; 0 if no limit is known.
int quotaOf(const std::string& path) {
  std::ifstream file(path);
  double quota = 0, period = 0;
  // "max 100000" (no limit) is not parsed as a number.
  if (!(file >> quota >> period) || period <= 0) return 0;
  return std::max(1, static_cast<int>(std::lround(quota / period)));
}

}  // namespace

int usableCores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
    return std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
  }
  std::set<std::pair<int, int>> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    const std::string topology = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    // Without a topology every processor counts as a core.
    cores.emplace(readNumber(topology + "physical_package_id", -1), readNumber(topology + "core_id", cpu));
  }
  const int count = std::max<int>(1, static_cast<int>(cores.size()));
  const int quota = quotaOf("/sys/fs/cgroup/cpu.max");
  return quota > 0 ? std::min(count, quota) : count;
}

std::string processorName() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    const size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "CPU";
}

int64_t memoryBytes() { return static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE); }

}  // namespace saturnn::cpu
