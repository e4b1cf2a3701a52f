// The check before an update: what it would write is computed in small copies, by the loops of the update itself.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "cpu/kernel.h"
#include "cpu/simd/table.h"
#include "shared/updates.h"

namespace saturnn::cpu {

class OverflowCheck {
 public:
  // Elements that are tried at a time: their copies stay in the nearest cache.
  static constexpr int64_t tile = 512;

  explicit OverflowCheck(const SimdTable& simd) : simd_(simd) {}

  // Calls update(copies, first, count) for each tile of the arrays' `size` elements, with copies of it to write to.
  template <size_t Arrays, typename Update>
  void run(const std::array<const float*, Arrays>& arrays, int64_t size, const Update& update) {
    alignas(64) float memory[Arrays][tile];
    std::array<float*, Arrays> copies;
    for (size_t k = 0; k < Arrays; ++k) copies[k] = memory[k];
    for (int64_t first = 0; first < size; first += tile) {
      const int64_t count = std::min(tile, size - first);
      for (size_t k = 0; k < Arrays; ++k) std::memcpy(copies[k], arrays[k] + first, count * sizeof(float));
      update(copies, first, count);
      for (const float* copy : copies) {
        if (!mayBeWritten(copy, count)) found_.store(true, std::memory_order_relaxed);
      }
    }
  }

  bool found() const { return found_.load(std::memory_order_relaxed); }

 private:
  bool mayBeWritten(const float* values, int64_t count) const {
    constexpr double limit = double{largestWritten} * largestWritten;
    if (simd_.sumOfSquares(values, count) <= limit) return true;  // fast, and true for nearly all
    return std::all_of(values, values + count, [](float value) { return saturnn::mayBeWritten(value); });
  }

  const SimdTable& simd_;
  std::atomic<bool> found_{false};
};

// Whether the numbers of this step matter: the gate is open, and the step will not be skipped. If they do not, sets the
// flag: that of a closed gate is passed on. `skip` may be null.
inline bool isChecked(const void* gate, const void* skip, void* flag) {
  const bool closed = *static_cast<const int32_t*>(gate) != 0;
  *static_cast<int32_t*>(flag) = closed ? 1 : 0;
  return !closed && (skip == nullptr || *static_cast<const int32_t*>(skip) == 0);
}

}  // namespace saturnn::cpu
