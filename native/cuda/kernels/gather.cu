// Many small copies in one launch: a memcpy of its own for each costs more than what it moves.
#include "rows.cuh"

namespace saturnn {
namespace {

constexpr int kMostBlocks = 64;  // per piece; longer pieces are walked

template <class Word>
__global__ void __launch_bounds__(kThreads) gather(const Pieces pieces) {
  const Piece piece = pieces.pieces[blockIdx.y];
  const auto* source = reinterpret_cast<const Word*>(piece.source);
  auto* target = reinterpret_cast<Word*>(piece.target);
  const int64_t count = piece.count * int64_t{sizeof(float)} / int64_t{sizeof(Word)};
  const int64_t stride = int64_t{gridDim.x} * kThreads;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += stride) target[i] = source[i];
}

bool allowsVectors(const Piece& piece) {
  return isAligned(piece.source) && isAligned(piece.target) && piece.count % 4 == 0;
}

}  // namespace

void launchGather(const Pieces& pieces, int count, cudaStream_t stream) {
  if (count == 0) return;
  int64_t longest = 0;
  bool vectors = true;
  for (int i = 0; i < count; ++i) {
    longest = std::max(longest, pieces.pieces[i].count);
    vectors = vectors && allowsVectors(pieces.pieces[i]);
  }
  const int64_t perBlock = int64_t{kThreads} * kUnroll;
  const auto blocks = static_cast<unsigned>(std::min<int64_t>(kMostBlocks, ceilDivide(longest, perBlock)));
  launch("gather", vectors ? gather<uint4> : gather<uint32_t>, dim3(blocks, static_cast<unsigned>(count)), kThreads,
         stream, pieces);
}

}  // namespace saturnn
