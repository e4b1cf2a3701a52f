// A tensor as saturnn's own CPU kernels see it: rows of contiguous channels. It hides layouts and channel slices from
// the loops.
//
//   plain, shape [..., C]:           one row of C elements per pixel, parent_channels apart
//   NCHW16C, shape [N, H, W, C]:     N * C/16 segments, each of H * W rows of 16 elements, without gaps
#pragma once

#include <string>

#include "cpu/kernel.h"
#include "cpu/simd/table.h"

namespace saturnn::cpu {

struct Rows {
  int64_t segments;
  int64_t rows;  // per segment
  int64_t channels;
  int64_t pitch;           // elements from row to row
  int64_t blocksPerImage;  // consecutive segments of one image; 1 if plain
  int64_t blockStride;     // elements from block to block of an image
  int64_t imageStride;     // elements from image to image
  int64_t firstElement;

  int64_t start(int64_t segment) const {
    return firstElement + segment / blocksPerImage * imageStride + segment % blocksPerImage * blockStride;
  }
  bool dense() const { return pitch == channels; }
};

// Returns rows for element-by-element kernels: as few segments as possible (one if plain).
Rows elementRows(const SnTensor& tensor);

// Returns rows for kernels that move pixels: one segment per image (blocked: per image and block), rows in pixel order.
Rows pixelRows(const SnTensor& image);

// Returns `count` elements without channels as rows of one.
Rows flatRows(int64_t count);

// Whether the rows of both tensors correspond one to one, in the same order.
bool sameRows(const Rows& a, const Rows& b);

// Returns the slice of a tensor with channels [offset, offset + channels).
SnTensor channelSlice(const SnTensor& tensor, int64_t offset, int64_t channels);

// Whether both tensors are the same elements of a buffer, if both have the same pointer.
bool samePlace(const SnTensor& a, const SnTensor& b);

// Throws ERR_INVALID_ARGUMENT, with both names, unless sameRows(a, b).
void requireSameRows(const Rows& a, std::string_view nameA, const Rows& b, std::string_view nameB);

// Rows divided into chunks for the threads. The division depends only on the shape, so sums that are made per chunk
// first do not depend on the number of threads.
class Chunks {
 public:
  struct Chunk {
    int64_t index, segment, begin, end;  // rows [begin, end) of the segment
  };

  Chunks() = default;
  explicit Chunks(const Rows& rows);

  int64_t count() const { return parts_ * segments_; }
  int64_t parts() const { return parts_; }
  Chunk at(int64_t index) const;

  // Calls body(chunk) for all chunks, on all threads.
  template <typename Body>
  void forEach(const Body& body) const {
    const int64_t chunks = count();
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (int64_t i = 0; i < chunks; ++i) body(at(i));
  }

 private:
  int64_t segments_ = 0, rows_ = 0, rowsPerPart_ = 0, parts_ = 0;
};

// Returns the name of an implementation by saturnn's own loops: "saturnn:avx512".
inline std::string simdImplementation(const SimdTable& simd) { return std::string("saturnn:") + simd.name; }

}  // namespace saturnn::cpu
