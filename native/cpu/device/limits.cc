#include "cpu/device/limits.h"

#include <fstream>
#include <set>
#include <sstream>
#include <vector>

namespace saturnn::cpu {

namespace {

// A line of /proc/self/cgroup: the group in one hierarchy. Version 2 has no list of controllers.
struct Group {
  std::set<std::string> controllers;
  std::string path;
};

// A hierarchy that is mounted: `root` is the group that appears at `folder`.
struct Mount {
  bool isVersion2;
  std::set<std::string> controllers;
  std::string root;
  std::string folder;
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

std::set<std::string> setOf(const std::string& list) {
  const std::vector<std::string> parts = split(list, ',');
  return {parts.begin(), parts.end()};
}

std::vector<Group> readGroups(const std::string& root) {
  std::vector<Group> groups;
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    groups.push_back({setOf(line.substr(first + 1, second - first - 1)), line.substr(second + 1)});
  }
  return groups;
}

// A line of mountinfo: id, parent, device, root, folder, options, optional fields, "-", type, source, super options.
std::vector<Mount> readMounts(const std::string& root) {
  std::vector<Mount> mounts;
  std::ifstream file(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const std::vector<std::string> place = split(line.substr(0, dash), ' ');
    const std::vector<std::string> kind = split(line.substr(dash + 3), ' ');
    if (place.size() < 5 || kind.empty() || (kind[0] != "cgroup" && kind[0] != "cgroup2")) continue;
    mounts.push_back({kind[0] == "cgroup2", setOf(kind.back()), place[3], place[4]});
  }
  return mounts;
}

// The group's folder and those around it, as far up as they are mounted.
std::vector<std::string> foldersOf(const Group& group, const Mount& mount) {
  // Within a container, the group may be named as on the host, while only its own folder is mounted.
  std::string path = group.path == "/" ? "" : group.path;
  if (mount.root != "/") path = path.rfind(mount.root, 0) == 0 ? path.substr(mount.root.size()) : "";
  if (path.find("..") != std::string::npos) path = "";
  std::vector<std::string> folders;
  for (; !path.empty(); path.resize(path.rfind('/'))) folders.push_back(mount.folder + path);
  folders.push_back(mount.folder);
  return folders;
}

// Returns the numbers at the beginning of a file. "max", which means no limit, is not a number.
std::vector<double> numbersIn(const std::string& path) {
  std::vector<double> numbers;
  std::ifstream file(path);
  for (double number = 0; file >> number;) numbers.push_back(number);
  return numbers;
}

template <class T>
void lower(T& limit, double value) {
  if (value > 0 && (limit == 0 || value < static_cast<double>(limit))) limit = static_cast<T>(value);
}

void lowerProcessors(Limits& limits, const std::vector<double>& quota, const std::vector<double>& period) {
  if (!quota.empty() && !period.empty() && period[0] > 0) lower(limits.processors, quota[0] / period[0]);
}

void lowerMemory(Limits& limits, const std::vector<double>& bytes) {
  // Version 1 says "no limit" with the largest multiple of a page.
  if (!bytes.empty() && bytes[0] < 0x1p62) lower(limits.memory, bytes[0]);
}

void readVersion2(Limits& limits, const std::string& folder) {
  const std::vector<double> processors = numbersIn(folder + "/cpu.max");
  if (processors.size() == 2) lowerProcessors(limits, {processors[0]}, {processors[1]});
  lowerMemory(limits, numbersIn(folder + "/memory.max"));
}

void readVersion1(Limits& limits, const std::string& folder) {
  lowerProcessors(limits, numbersIn(folder + "/cpu.cfs_quota_us"), numbersIn(folder + "/cpu.cfs_period_us"));
  lowerMemory(limits, numbersIn(folder + "/memory.limit_in_bytes"));
}

bool shareOne(const std::set<std::string>& a, const std::set<std::string>& b) {
  for (const std::string& it : a) {
    if (b.count(it) > 0) return true;
  }
  return false;
}

}  // namespace

Limits controlGroupLimits(const std::string& root) {
  Limits limits;
  const std::vector<Mount> mounts = readMounts(root);
  for (const Group& group : readGroups(root)) {
    const bool isVersion2 = group.controllers.empty();
    for (const Mount& mount : mounts) {
      if (mount.isVersion2 != isVersion2 || (!isVersion2 && !shareOne(mount.controllers, group.controllers))) continue;
      for (const std::string& folder : foldersOf(group, mount)) {
        (isVersion2 ? readVersion2 : readVersion1)(limits, root + folder);
      }
    }
  }
  return limits;
}

}  // namespace saturnn::cpu
