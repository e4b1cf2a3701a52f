// Counts the objects and the memory of a device. Only the engine thread writes the counts; any thread may read them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace saturnn {

enum class MemoryKind { State, Arena, Constants, Inputs, Buffer };
constexpr int kMemoryKinds = 5;
enum class ResourceKind { State, Plan, Buffer };
constexpr int kResourceKinds = 3;

class MemoryUse {
 public:
  void add(MemoryKind kind, int64_t bytes) {
    bytes_[static_cast<int>(kind)] += bytes;
    const int64_t total = total_ += bytes;
    if (total > peak_) peak_ = total;
  }
  // Memory of the host, which is not a part of the total.
  void addPinned(int64_t bytes) { pinned_ += bytes; }
  void add(ResourceKind kind, int count) { resources_[static_cast<int>(kind)] += count; }

  int64_t bytes(MemoryKind kind) const { return bytes_[static_cast<int>(kind)]; }
  int resources(ResourceKind kind) const { return resources_[static_cast<int>(kind)]; }
  int64_t pinned() const { return pinned_; }
  int64_t total() const { return total_; }
  // The largest total so far, in bytes.
  int64_t peak() const { return peak_; }

 private:
  std::array<std::atomic<int64_t>, kMemoryKinds> bytes_{};
  std::array<std::atomic<int>, kResourceKinds> resources_{};
  std::atomic<int64_t> pinned_{0};
  std::atomic<int64_t> total_{0};
  std::atomic<int64_t> peak_{0};
};

}  // namespace saturnn
