#include "ops.h"

#include <cstring>
#include <random>

#include "ops/attributes/dropout.h"
#include "ops/attributes/normalization.h"
#include "ops/attributes/randomized_relu.h"
#include "ops/attributes/update.h"

namespace variants {
namespace {

class Maker {
 public:
  explicit Maker(std::vector<int64_t> shape) : shape_(std::move(shape)) {}

  Operand image() { return {Kind::image, shape_, draw(product(shape_), -2.0f, 3.0f)}; }
  Operand vector(float low = -1.0f, float high = 1.0f) { return vectorOf(shape_.back(), low, high); }
  Operand vectorOf(int64_t count, float low = -1.0f, float high = 1.0f) {
    return {Kind::vector, {count}, draw(count, low, high)};
  }

  Operand imageOut() const { return {Kind::image, shape_, {}}; }
  Operand vectorOut() const { return vectorOutOf(shape_.back()); }
  static Operand vectorOutOf(int64_t count) { return {Kind::vector, {count}, {}}; }

 private:
  static int64_t product(const std::vector<int64_t>& shape) {
    int64_t count = 1;
    for (const int64_t length : shape) count *= length;
    return count;
  }
  std::vector<float> draw(int64_t count, float low, float high) {
    std::vector<float> values(count);
    for (float& value : values) value = low + (high - low) * (static_cast<float>(random_() >> 8) * 0x1p-24f);
    return values;
  }

  std::vector<int64_t> shape_;
  std::mt19937 random_{5};
};

Operand integers(std::vector<float> values) {
  return {Kind::integers, {static_cast<int64_t>(values.size())}, std::move(values)};
}
const Operand none{Kind::absent, {}, {}};

template <class Attributes>
std::vector<char> bytesOf(const Attributes& attributes) {
  std::vector<char> bytes(sizeof attributes);
  std::memcpy(bytes.data(), &attributes, sizeof attributes);
  return bytes;
}

}  // namespace

std::vector<Op> imageOps(const std::vector<int64_t>& shape) {
  Maker m(shape);
  const auto norm = bytesOf(saturnn::BatchNormAttributes{1e-3f});
  const auto trained = bytesOf(saturnn::BatchNormGradientAttributes{1e-3f, 0});
  const auto frozen = bytesOf(saturnn::BatchNormGradientAttributes{1e-3f, 1});
  const auto dropout = bytesOf(saturnn::DropoutAttributes{0.4f, -7});
  const auto slopes = bytesOf(saturnn::RandomizedReluAttributes{0.125f, 0.5f, 11});
  const Operand counter = integers({12345, 67}), image = m.imageOut(), vector = m.vectorOut();
  const std::vector<Operand> given = {m.image(), m.vector(), m.vector(0.1f), m.vector(), m.vector()};
  const std::vector<Operand> backward = {m.image(), m.image(), m.vector(), m.vector(0.1f), m.vector()};
  return {
      {"batchNorm", norm, {m.image(), m.vector(), m.vector()}, {image, vector, vector}, {}},
      {"batchNorm", norm, {m.image(), m.vector(), m.vector()}, {image, none, none}, {}},
      {"batchNormInference", norm, given, {image}, {}},
      {"batchNormGradient", trained, backward, {image, vector, vector}, {}},
      {"batchNormGradient", trained, backward, {image, none, none}, {}},
      {"batchNormGradient", frozen, backward, {image, vector, vector}, {}},
      {"batchNormGradient", frozen, backward, {image, none, none}, {}},
      {"dropout", dropout, {m.image(), counter}, {image}, {}},
      {"randomizedRelu", slopes, {m.image(), m.vector(), counter}, {image}, {}},
      {"randomizedRelu", slopes, {m.image(), none, counter}, {image}, {}},
      {"randomizedReluGradient", slopes, {m.image(), m.image(), counter}, {image, vector}, {}},
      {"randomizedReluGradient", slopes, {m.image(), m.image(), counter}, {image, none}, {}},
      {"moments", {}, {m.image()}, {Maker::vectorOutOf(2)}, {}},
  };
}

std::vector<Op> arenaOps(int64_t count) {
  Maker m({count});
  // Ends of segments never decrease. One segment is empty, and elements behind the last belong to no segment.
  const auto end = [&](double part) { return static_cast<float>(1 + static_cast<int64_t>(part * (count - 1))); };
  const Operand ends = integers({1, end(0.1), end(0.1), end(0.4), end(0.7), end(0.9)});
  const Operand rates = m.vectorOf(6, 0.1f), decays = m.vectorOf(6, 0.0f, 0.2f);
  const auto decayed = static_cast<int32_t>(count / 3);
  const auto sgd = bytesOf(saturnn::SgdAttributes{0.9f, 0.1f, decayed, 1});
  const auto adam = bytesOf(saturnn::AdamAttributes{0.1f, 0.001f, 1e-8f, 0.1f, decayed, 0});
  const auto adamW = bytesOf(saturnn::AdamAttributes{0.1f, 0.001f, 1e-8f, 0.1f, decayed, 1});
  const auto trust = bytesOf(saturnn::TrustRatiosAttributes{0.02f, static_cast<int32_t>(count)});
  const Operand gate = integers({0}), counter = integers({7, 3});
  const Operand rate = m.vectorOf(1, 0.1f), scale = m.vectorOf(1, 0.5f);
  const Operand w = m.vector(), m1 = m.vector(), m2 = m.vector(0.0f), g = m.vector();
  return {
      {"sgd", sgd, {gate, w, m1, g, rate, none, none, none, none}, {}, {1, 2}},
      {"sgd", sgd, {gate, w, m1, g, rate, scale, ends, rates, decays}, {}, {1, 2}},
      {"adam", adam, {gate, w, m1, m2, g, rate, counter, none, none, none, none}, {}, {1, 2, 3}},
      {"adam", adam, {gate, w, m1, m2, g, rate, counter, scale, ends, rates, decays}, {}, {1, 2, 3}},
      {"adam", adamW, {gate, w, m1, m2, g, rate, counter, scale, ends, rates, decays}, {}, {1, 2, 3}},
      {"averageWeights", bytesOf(saturnn::AverageWeightsAttributes{0.01f}), {gate, m1, w, counter}, {}, {1}},
      {"accumulate", {}, {integers({1}), m1, g}, {m.vectorOut()}, {}},
      {"blend", bytesOf(saturnn::BlendAttributes{0.9f, 0.1f}), {w, m1}, {m.vectorOut()}, {}},
      {"trustRatios", trust, {w, g, scale, ends, rates, decays}, {Maker::vectorOutOf(6)}, {}},
  };
}

}  // namespace variants
