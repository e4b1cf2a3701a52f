// The windows of a pooling, worked out once per kernel: which rows and columns each window covers once it is clipped at
// the image's edges, and by which windows each row and column is covered. The loops never see strides or padding.
#pragma once

#include <vector>

#include "geometry.h"

namespace saturnn {

struct PoolAxis {
  std::vector<Span> windows;     // per window: the positions in it
  std::vector<int32_t> origins;  // per window: its first position before clipping
  std::vector<float> weights;    // per window: 1 / (positions in it)
  std::vector<Span> covering;    // per position: the windows that contain it (perhaps none)
};

// The attributes of a pooling or its gradient, whose first input and first output must be f32 images.
SnPoolAttributes poolAttributesOf(const SnOpDesc& desc, const char* inputName, const char* outputName);

struct Pooling {
  Pooling(const SnPoolAttributes& attributes, const SnTensor& input, const SnTensor& output);

  PoolAxis vertical, horizontal;
  int32_t kernelWidth;
  int32_t inputHeight, inputWidth, outputHeight, outputWidth;
};

// The forward output and its input, as a loop over rows sees them.
struct PoolImages {
  Rows read, written;
  int32_t readWidth, writtenWidth, writtenHeight;

  // Row h of segment s of the written image, made of `rows` of the read one; pixel w of `columns[w]`.
  PoolRow row(const float* x, float* y, int64_t s, int32_t h, Span rows, const Span* columns) const {
    return {x + read.start(s),
            readWidth * read.pitch,
            read.pitch,
            rows,
            columns,
            y + written.start(s) + int64_t{h} * writtenWidth * written.pitch,
            written.pitch,
            writtenWidth,
            read.channels};
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

}  // namespace saturnn
