// kernel_variants <libsaturnn_cuda.so> <libsaturnn_cpu.so>: runs variants of CUDA kernels that no plan uses, or only a
// large one: images of bf16 and f16, slices and arenas at any address, in place, and more rows than a grid takes at
// once. Compares each with the CPU backend's result in f32 for the same rounded numbers. Prints the number of
// comparisons, or the differences, and then exits with status 1.
#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "ops.h"
#include "shared/operands.h"

namespace {

using variants::Kind;
using variants::Op;
using variants::Operand;
using variants::Storage;

// Relative error of storing a value: half a unit in the last place. The arithmetic is in f32.
float relativeError(SnDType dtype) { return dtype == SN_BF16 ? 0.5f / 128 : dtype == SN_F16 ? 0.5f / 1024 : 1e-5f; }

class Check {
 public:
  Check(const char* cuda, const char* cpu) : cuda_(cuda), cpu_(cpu) {}

  void run(const Op& op, const Storage& storage) {
    try {
      compare(op, storage);
    } catch (const std::exception& error) {
      failed_ = true;
      std::printf("%s of %s, %s, %d channels before it and %d after, vectors from element %d on%s: %s\n",
                  op.name.c_str(), std::to_string(op.inputs[0].shape.back()).c_str(), saturnn::dtypeName(storage.dtype),
                  static_cast<int>(storage.before), static_cast<int>(storage.after),
                  static_cast<int>(storage.vectorShift), storage.inPlace ? ", in place" : "", error.what());
    }
  }

  bool failed() const { return failed_; }
  long long compared() const { return compared_; }

 private:
  void compare(Op op, const Storage& storage) {
    for (Operand& operand : op.inputs) {
      if (operand.kind != Kind::image) continue;
      for (float& value : operand.values) value = variants::rounded(value, storage.dtype);
    }
    const auto want = cpu_.run(op, {SN_F32, 0, 0, false, 0});
    const auto got = cuda_.run(op, storage);
    for (size_t result = 0; result < want.size(); ++result) {
      const bool isOutput = result < op.outputs.size();
      const bool image = isOutput && op.outputs[result].kind == Kind::image;
      // The terms of these sums cancel, so the absolute error grows with the number of terms.
      const bool sum = isOutput && !image && op.inputs[0].kind == Kind::image;
      const float absolute = sum ? 1e-6f * static_cast<float>(op.inputs[0].values.size()) : 2e-5f;
      const float relative = image ? relativeError(storage.dtype) : 1e-5f;
      for (size_t i = 0; i < want[result].size(); ++i) {
        const float expected = want[result][i], found = got[result][i];
        ++compared_;
        if (std::fabs(found - expected) <= absolute + relative * std::fabs(expected)) continue;
        throw std::runtime_error("result " + std::to_string(result) + "[" + std::to_string(i) + "] is " +
                                 std::to_string(found) + ", not " + std::to_string(expected));
      }
    }
  }

  variants::Backend cuda_, cpu_;
  long long compared_ = 0;
  bool failed_ = false;
};

void checkImages(Check& check) {
  const std::vector<std::vector<int64_t>> shapes = {{2, 3, 5, 7}, {2, 9, 7, 8},   {1, 5, 4, 20}, {3, 4, 4, 64},
                                                    {1, 2, 3, 1}, {2, 3, 3, 304}, {67, 24}};
  // Slices whose rows begin at a multiple of 16 bytes, and slices whose rows do not begin there.
  const std::vector<std::pair<int64_t, int64_t>> slices = {{0, 0}, {8, 16}, {3, 2}};
  for (const auto& shape : shapes) {
    for (const Op& op : variants::imageOps(shape)) {
      for (const SnDType dtype : {SN_F32, SN_BF16, SN_F16}) {
        for (const auto& [before, after] : slices) {
          check.run(op, {dtype, before, after, false, 0});
          if (op.outputs[0].kind == Kind::image) check.run(op, {dtype, before, after, true, before % 4});
        }
      }
    }
  }
}

}  // namespace

int main(int, char** arguments) {
  Check check(arguments[1], arguments[2]);
  checkImages(check);
  // With so many rows, each thread has several groups of rows.
  for (const Op& op : variants::imageOps({700, 1001})) check.run(op, {SN_F32, 0, 0, false, 0});
  for (const int64_t count : {1, 2, 7, 64, 1030, 700'001}) {
    for (const Op& op : variants::arenaOps(count)) {
      for (const int64_t shift : {0, 1}) check.run(op, {SN_F32, 0, 0, false, shift});
    }
  }
  if (!check.failed()) std::printf("%lld numbers agree\n", check.compared());
  return check.failed() ? 1 : 0;
}
