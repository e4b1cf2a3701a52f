// How many rows have their label among the k largest logits. Of equal logits the first comes first; rows with a NaN,
// masked rows (label -1) and labels beyond the classes count nothing.
#include "class_rows.cuh"

namespace saturnn {
namespace {

template <int Lanes>
__global__ void __launch_bounds__(kThreads)
    correctRows(const __grid_constant__ Classification batch, const float* __restrict__ logits, int k,
                int32_t* __restrict__ correct) {
  const int64_t step = rowsPerStep<Lanes>();
  // All threads of a block take as many steps, because they meet in overRow.
  for (int64_t row = firstRow<Lanes>(), first = row - threadIdx.y; first < batch.rows; row += step, first += step) {
    const int32_t label = row < batch.rows ? batch.labels[row] : -1;
    const bool usable = label >= 0 && label < batch.classes;
    const float* x = logits + row * batch.classes;
    const float own = usable ? x[label] : 0.0f;
    int64_t before = 0;
    for (int64_t c = threadIdx.x; usable && c < batch.classes; c += Lanes) {
      const float value = x[c];
      before += value > own || (value == own && c < label);
      if (value != value) before = INT32_MAX;  // more than any k; the sum of all lanes stays far from overflow
    }
    before = overRow<Lanes>(before, Sum{});
    if (row < batch.rows && threadIdx.x == 0) correct[row] = usable && before < k;
  }
}

__global__ void __launch_bounds__(kThreads)
    sumCorrect(const int32_t* __restrict__ correct, int64_t rows, float* __restrict__ count) {
  int64_t sum = 0;
  for (int64_t row = threadIdx.x; row < rows; row += kThreads) sum += correct[row];
  sum = overRow<kThreads>(sum, Sum{});
  if (threadIdx.x == 0) *count = static_cast<float>(sum);
}

}  // namespace

void launchCountCorrect(const Classification& batch, const float* logits, int k, float* count, int32_t* correct,
                        cudaStream_t stream) {
  withLanes(batch, [&](auto lanes, dim3 grid, dim3 block) {
    launch("countCorrect", correctRows<decltype(lanes)::value>, grid, block, stream, batch, logits, k, correct);
  });
  launch("sumCorrect", sumCorrect, 1, kThreads, stream, correct, batch.rows, count);
}

}  // namespace saturnn
