#include "core/state.h"

namespace saturnn {

void State::checkRange(int arena, int64_t byteOffset, int64_t byteLength) const {
  const int64_t size = bytes_[arena];
  if (byteOffset >= 0 && byteLength >= 0 && byteOffset <= size && byteLength <= size - byteOffset) return;
  throw Error("ERR_INVALID_ARGUMENT", "Expected a range within the " + std::to_string(size) + " bytes of the arena '" +
                                          kArenaNames[arena] + "' but received offset " + std::to_string(byteOffset) +
                                          ", length " + std::to_string(byteLength));
}

void State::read(int arena, int64_t byteOffset, void* destination, int64_t byteLength) const {
  checkRange(arena, byteOffset, byteLength);
  requireReady().download(destination, arenas_[arena].data() + byteOffset, byteLength);
}

void State::write(int arena, int64_t byteOffset, const void* source, int64_t byteLength) const {
  checkRange(arena, byteOffset, byteLength);
  requireReady().upload(arenas_[arena].data() + byteOffset, source, byteLength);
}

char* State::arena(int index) const {
  requireReady();
  return arenas_[index].data();
}

void State::allocate(Device& device) {
  for (int i = 0; i < kArenaCount; ++i) {
    arenas_[i] = DeviceMemory(device, MemoryKind::State, bytes_[i]);
    device.fill(arenas_[i].data(), 0, bytes_[i]);
  }
}

void State::free() noexcept {
  for (DeviceMemory& arena : arenas_) arena.reset();
}

}  // namespace saturnn
