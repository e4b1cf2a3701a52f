// The sum of two to eight tensors in one pass: used where a tensor has several readers, to add their gradients.
#include "cuda/kernels/channels.h"
#include "cuda/kernels/common/rows.cuh"

namespace saturnn::cuda {
namespace {

template <class T>
struct Views {
  View<const T> inputs[kMostAddends];
};

// y may be the first input: a thread reads an element of every input before it writes that element.
template <class T, int Count, int Width>
__global__ void __launch_bounds__(kThreads)
    add(const __grid_constant__ Views<T> addends, View<T> y, int64_t rows, int columns) {
  constexpr int kRowsPerThread = 2;  // times up to eight inputs in flight
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  const int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y;
#pragma unroll 1
  for (int part = 0; part < kUnroll; part += kRowsPerThread) {
    Packed<T, Width> value[Count][kRowsPerThread];
#pragma unroll
    for (int input = 0; input < Count; ++input) {
#pragma unroll
      for (int i = 0; i < kRowsPerThread; ++i) {
        const int64_t row = first + (part + i) * blockDim.y;
        const View<const T> x = addends.inputs[input];
        if (row < rows) value[input][i] = loadPacked<Width>(x.data + row * x.stride + column * Width);
      }
    }
#pragma unroll
    for (int i = 0; i < kRowsPerThread; ++i) {
      const int64_t row = first + (part + i) * blockDim.y;
      if (row >= rows) return;
      Vector<Width> sum = unpack(value[0][i]);
#pragma unroll
      for (int input = 1; input < Count; ++input) {
        const Vector<Width> addend = unpack(value[input][i]);
#pragma unroll
        for (int lane = 0; lane < Width; ++lane) sum.lane[lane] += addend.lane[lane];
      }
      store<Width>(y.data + row * y.stride + column * Width, sum);
    }
  }
}

template <class T, int Count>
void run(const Addends& addends, Rows y, int64_t rows, int64_t channels, cudaStream_t stream) {
  constexpr int kWidth = kVectorWidth<T>;
  bool vectors = channels % kWidth == 0 && allowsVectors(y);
  Views<T> views{};
  for (int input = 0; input < Count; ++input) {
    vectors = vectors && allowsVectors(addends.inputs[input]);
    views.inputs[input] = viewOf<T>(addends.inputs[input]);
  }
  const Tiling tiling = tile(rows, channels, vectors ? kWidth : 1);
  launch("add", vectors ? add<T, Count, kWidth> : add<T, Count, 1>, tiling.grid(), tiling.block, stream, views,
         viewOf<T>(y), rows, tiling.columns);
}

template <class T>
constexpr decltype(&run<T, 2>) kLaunchers[] = {run<T, 2>, run<T, 3>, run<T, 4>, run<T, 5>,
                                               run<T, 6>, run<T, 7>, run<T, 8>};
static_assert(sizeof kLaunchers<float> / sizeof *kLaunchers<float> == kMostAddends - 1, "two to eight inputs");

}  // namespace

void launchAdd(const Addends& addends, int count, Rows y, int64_t rows, int64_t channels, cudaStream_t stream) {
  if (rows == 0 || channels == 0) return;
  withStorage(y.dtype, [&](auto storage) {
    kLaunchers<typename decltype(storage)::Element>[count - 2](addends, y, rows, channels, stream);
  });
}

}  // namespace saturnn::cuda
