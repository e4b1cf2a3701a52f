// Launchers of kernels/data.cu, for data.cc. Convolutions pad and remove padding with launchFit.
#pragma once

#include "cuda/kernels/common/rows.h"

namespace saturnn::cuda {

// y = x where x has an element, else 0. Same dtype, or one of them f32 and the other bf16 or f16.
void launchFit(ConstRows x, int64_t xRows, int64_t xChannels, Rows y, int64_t yRows, int64_t yChannels,
               cudaStream_t stream);

// Copies the first `count` pieces of f32, which do not overlap.
constexpr int kMostPieces = 64;
struct Piece {
  const float* source;
  float* target;
  int64_t count;  // elements
};
struct Pieces {
  Piece pieces[kMostPieces];
};
void launchGather(const Pieces& pieces, int count, cudaStream_t stream);

}  // namespace saturnn::cuda
