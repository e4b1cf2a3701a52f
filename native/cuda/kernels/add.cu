// The sum of two to eight tensors, in one pass: where a tensor has several readers, their gradients meet here.
#include "rows.cuh"

namespace saturnn {
namespace {

// y may be the first input: a thread reads an element of every input before it writes that element.
template <int Count, int Width>
__global__ void __launch_bounds__(kThreads)
    add(const __grid_constant__ Addends addends, Rows y, int64_t rows, int columns) {
  constexpr int kRowsPerThread = 2;  // times up to eight inputs in flight
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  const int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y;
#pragma unroll 1
  for (int part = 0; part < kUnroll; part += kRowsPerThread) {
    Vector<Width> value[Count][kRowsPerThread];
#pragma unroll
    for (int input = 0; input < Count; ++input) {
#pragma unroll
      for (int i = 0; i < kRowsPerThread; ++i) {
        const int64_t row = first + (part + i) * blockDim.y;
        const ConstRows x = addends.inputs[input];
        if (row < rows) value[input][i] = load<Width>(x.data + row * x.stride + column * Width);
      }
    }
#pragma unroll
    for (int i = 0; i < kRowsPerThread; ++i) {
      const int64_t row = first + (part + i) * blockDim.y;
      if (row >= rows) return;
      Vector<Width> sum = value[0][i];
#pragma unroll
      for (int input = 1; input < Count; ++input) {
#pragma unroll
        for (int lane = 0; lane < Width; ++lane) sum.lane[lane] += value[input][i].lane[lane];
      }
      store<Width>(y.data + row * y.stride + column * Width, sum);
    }
  }
}

template <int Count, int Width>
void launch(const Addends& addends, Rows y, int64_t rows, int64_t channels, cudaStream_t stream) {
  const Tiling tiling = tile(rows, channels, Width);
  const dim3 grid(static_cast<unsigned>(tiling.rowTiles), static_cast<unsigned>(tiling.columnTiles));
  add<Count, Width><<<grid, tiling.block, 0, stream>>>(addends, y, rows, tiling.columns);
  checkCuda(cudaGetLastError(), "launching add");
}

template <int Count>
void launchCount(const Addends& addends, Rows y, int64_t rows, int64_t channels, cudaStream_t stream) {
  bool vectors = channels % 4 == 0 && allowsVectors(y);
  for (int input = 0; input < Count; ++input) vectors = vectors && allowsVectors(addends.inputs[input]);
  (vectors ? launch<Count, 4> : launch<Count, 1>)(addends, y, rows, channels, stream);
}

using Launcher = decltype(&launchCount<2>);
constexpr Launcher kLaunchers[] = {launchCount<2>, launchCount<3>, launchCount<4>, launchCount<5>,
                                   launchCount<6>, launchCount<7>, launchCount<8>};
static_assert(sizeof kLaunchers / sizeof kLaunchers[0] == kMostAddends - 1, "two to eight inputs");

}  // namespace

void launchAdd(const Addends& addends, int count, Rows y, int64_t rows, int64_t channels, cudaStream_t stream) {
  if (rows == 0 || channels == 0) return;
  kLaunchers[count - 2](addends, y, rows, channels, stream);
}

}  // namespace saturnn
