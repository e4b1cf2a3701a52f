// See order.h.
#include "order.h"

#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>

namespace emulator {

Order::Order() {
  const char* text = getenv("SATURNN_EMULATOR_ORDER");
  if (!text || strcmp(text, "forward") == 0) return;
  kind_ = strcmp(text, "reverse") == 0 ? Kind::reverse : Kind::shuffled;
  seed_ = strtoull(text, nullptr, 10);
}

std::vector<int> Order::ofThreads(int count) const {
  std::vector<int> order(count);
  std::iota(order.begin(), order.end(), 0);
  if (kind_ == Kind::reverse) return {order.rbegin(), order.rend()};
  if (kind_ == Kind::forward) return order;
  // Not std::shuffle, because its result differs between libraries.
  std::mt19937_64 random(seed_ + 1);
  for (int i = count - 1; i > 0; --i) std::swap(order[i], order[random() % (i + 1)]);
  return order;
}

uint64_t Order::block(uint64_t i, uint64_t count) const {
  if (kind_ == Kind::forward) return i;
  if (kind_ == Kind::reverse) return count - 1 - i;
  // An affine permutation: the stride has no common divisor with the count.
  uint64_t stride = (seed_ * 2 + 1) % count | 1;
  while (std::gcd(stride, count) != 1) stride += 2;
  return (i * stride + seed_) % count;
}

}  // namespace emulator
