#include "cpu/device/processor.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <utility>

#include "cpu/device/limits.h"

namespace saturnn::cpu {

namespace {

int readNumber(const std::string& path, int fallback) {
  std::ifstream file(path);
  int value = fallback;
  return file >> value ? value : fallback;
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
  const double quota = controlGroupLimits().processors;
  // Rounded down: threads beyond a quota wait for each other at every barrier.
  return quota > 0 ? std::clamp(static_cast<int>(quota), 1, count) : count;
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

int64_t memoryBytes() {
  const int64_t installed = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  const int64_t limit = controlGroupLimits().memory;
  return limit > 0 ? std::min(installed, limit) : installed;
}

}  // namespace saturnn::cpu
