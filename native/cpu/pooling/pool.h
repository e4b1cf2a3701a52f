// The windows of a pooling, computed once per kernel: the rows and columns of each window, clipped at the image's
// edges, and the windows that cover each row and column. So the loops need neither strides nor padding.
#pragma once

#include <omp.h>

#include <vector>

#include "cpu/geometry.h"
#include "cpu/storage.h"
#include "ops/attributes/pooling.h"

namespace saturnn::cpu {

struct PoolAxis {
  std::vector<Span> windows;     // per window: the positions in it, clipped at the edges
  std::vector<int32_t> origins;  // per window: its first position before clipping
  std::vector<float> weights;    // per window: 1 / (positions in it), or 1 if windows are summed
  std::vector<Span> covering;    // per position: the windows that contain it; may be empty
};

// Computes the windows of a pooling or its gradient. The first input and output must be images of `dtype`.
PoolAttributes poolAttributesOf(const SnOpDesc& desc, SnDType dtype, const char* inputName, const char* outputName);

struct Pooling {
  Pooling(const PoolAttributes& attributes, const SnTensor& input, const SnTensor& output);

  PoolAxis vertical, horizontal;
  int32_t kernelWidth;
  int32_t inputHeight, inputWidth, outputHeight, outputWidth;
};

// The image that is read and the image that is written, as rows.
struct PoolImages {
  Rows read, written;
  int32_t readWidth, writtenWidth, writtenHeight;

  // Describes row h of segment s of the written image: it is made from `rows` of the read image, pixel w from
  // `columns[w]`.
  template <typename T>
  PoolRow<T> row(const T* x, T* y, int64_t s, int32_t h, Span rows, const Span* columns, float* sums) const {
    return {x + read.start(s), readWidth * read.pitch,
            read.pitch,        rows,
            columns,           y + written.start(s) + int64_t{h} * writtenWidth * written.pitch,
            written.pitch,     writtenWidth,
            read.channels,     sums};
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

// A row of f32 sums for every thread, in the kernel's scratch. Not needed if the written image is f32.
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
