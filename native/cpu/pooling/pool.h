// The windows of a pooling, worked out once per kernel: which rows and columns each window covers once it is clipped at
// the image's edges, and by which windows each row and column is covered. The loops never see strides or padding.
#pragma once

#include <omp.h>

#include <vector>

#include "cpu/geometry.h"
#include "cpu/storage.h"
#include "ops/pooling.h"

namespace saturnn::cpu {

struct PoolAxis {
  std::vector<Span> windows;     // per window: the positions in it
  std::vector<int32_t> origins;  // per window: its first position before clipping
  std::vector<float> weights;    // per window: 1 / (positions in it)
  std::vector<Span> covering;    // per position: the windows that contain it (perhaps none)
};

// The attributes of a pooling or its gradient, whose first input and first output must be images of this dtype.
PoolAttributes poolAttributesOf(const SnOpDesc& desc, SnDType dtype, const char* inputName, const char* outputName);

struct Pooling {
  Pooling(const PoolAttributes& attributes, const SnTensor& input, const SnTensor& output);

  PoolAxis vertical, horizontal;
  int32_t kernelWidth;
  int32_t inputHeight, inputWidth, outputHeight, outputWidth;
};

// The forward output and its input, as a loop over rows sees them.
struct PoolImages {
  Rows read, written;
  int32_t readWidth, writtenWidth, writtenHeight;

  // Row h of segment s of the written image, made of `rows` of the read one; pixel w of `columns[w]`.
  template <typename T>
  PoolRow<T> row(const T* x, T* y, int64_t s, int32_t h, Span rows, const Span* columns, float* sums) const {
    return {x + read.start(s),
            readWidth * read.pitch,
            read.pitch,
            rows,
            columns,
            y + written.start(s) + int64_t{h} * writtenWidth * written.pitch,
            written.pitch,
            writtenWidth,
            read.channels,
            sums};
  }

  // Calls body(segment, row) for every row of the written image, on all threads.
  template <typename Body>
  void forEachRow(const Body& body) const {
    const int64_t segments = written.segments;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t s = 0; s < segments; ++s) {
      for (int32_t h = 0; h < writtenHeight; ++h) body(s, h);
    }
  }
};

PoolImages poolImages(const SnTensor& read, const SnTensor& written);

// A row of sums for every thread, in a kernel's scratch. Nothing where the written image holds floats itself.
template <typename T>
class PoolSums {
 public:
  explicit PoolSums(const PoolImages& images) {
    if (storedAs<T> != SN_F32) perThread_ = (images.writtenWidth * images.written.channels + 15) / 16 * 16;
  }

  size_t bytes(const Device& device) const { return device.threads * perThread_ * sizeof(float); }
  float* ofThisThread(void* scratch) const { return static_cast<float*>(scratch) + omp_get_thread_num() * perThread_; }

 private:
  int64_t perThread_ = 0;
};

}  // namespace saturnn::cpu
