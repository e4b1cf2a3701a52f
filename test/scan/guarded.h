// Memory between canaries. Canaries and whatever a kernel has to write are filled with 0xff: NaN as f32 and as bf16.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace scan {

constexpr uint8_t poison = 0xff;

class Guarded {
 public:
  static constexpr size_t guard = 64 * 1024;

  Guarded() = default;
  explicit Guarded(size_t bytes) : bytes_(bytes), whole_((bytes + 2 * guard + 63) / 64 * 64) {
    memory_ = static_cast<uint8_t*>(std::aligned_alloc(64, whole_));
    if (memory_ == nullptr) throw std::bad_alloc();
    std::memset(memory_, poison, whole_);
  }
  Guarded(Guarded&& other) noexcept { *this = static_cast<Guarded&&>(other); }
  Guarded& operator=(Guarded&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(bytes_, other.bytes_);
    std::swap(whole_, other.whole_);
    return *this;
  }
  ~Guarded() { std::free(memory_); }

  // Null if there is nothing inside, as a kernel gets an absent tensor.
  void* data() const { return bytes_ == 0 ? nullptr : memory_ + guard; }
  size_t bytes() const { return bytes_; }
  void fill(uint8_t value) { std::memset(memory_ + guard, value, bytes_); }

  // Number of bytes of the canaries that were overwritten.
  size_t damage() const {
    if (memory_ == nullptr) return 0;
    size_t count = 0;
    for (size_t i = 0; i < guard; ++i) count += memory_[i] != poison;
    for (size_t i = guard + bytes_; i < whole_; ++i) count += memory_[i] != poison;
    return count;
  }

 private:
  uint8_t* memory_ = nullptr;
  size_t bytes_ = 0, whole_ = 0;
};

}  // namespace scan
