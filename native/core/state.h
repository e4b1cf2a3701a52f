// A State: four contiguous arenas on one device, zeroed when they are made. Plans read them, and write them in their
// last nodes. JavaScript reads and writes ranges of them between runs.
#pragma once

#include "core/device.h"
#include "core/plan/description.h"

namespace saturnn {

class State final : public LateResource {
 public:
  explicit State(const ArenaBytes& bytes) : LateResource(ResourceKind::State, "the State"), bytes_(bytes) {}

  const ArenaBytes& bytes() const { return bytes_; }
  int64_t totalBytes() const { return bytes_[0] + bytes_[1] + bytes_[2] + bytes_[3]; }

  // Throws ERR_INVALID_ARGUMENT if the range is not inside the arena. May be called on any thread.
  void checkRange(int arena, int64_t byteOffset, int64_t byteLength) const;

  // The functions below: engine thread only. They throw if the State could not be made or was disposed.
  void read(int arena, int64_t byteOffset, void* destination, int64_t byteLength) const;
  void write(int arena, int64_t byteOffset, const void* source, int64_t byteLength) const;
  char* arena(int index) const;

 private:
  void allocate(Device& device) override;
  void free() noexcept override;

  const ArenaBytes bytes_;
  std::array<DeviceMemory, kArenaCount> arenas_;
};

}  // namespace saturnn
