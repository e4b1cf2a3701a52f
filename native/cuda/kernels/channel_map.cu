// Bias and activation in one pass; without them, the copy that scatters a dense tensor into a slice of a concatenation,
// or gathers it from there. Reads each element once and writes it once.
#include "../../activations.h"
#include "rows.cuh"

namespace saturnn {
namespace {

template <int Kind, bool HasBias, int Width>
__global__ void __launch_bounds__(kThreads)
    channelMap(ConstRows x, const float* __restrict__ bias, Rows y, int64_t rows, int columns, float slope) {
  const int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;

  float offset[Width];
#pragma unroll
  for (int lane = 0; lane < Width; ++lane) offset[lane] = HasBias ? bias[column * Width + lane] : 0.0f;

  const int64_t first = int64_t{blockIdx.x} * (blockDim.y * kUnroll) + threadIdx.y;
  Vector<Width> value[kUnroll];
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row < rows) value[i] = load<Width>(x.data + row * x.stride + column * Width);
  }
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const int64_t row = first + i * blockDim.y;
    if (row >= rows) return;
#pragma unroll
    for (int lane = 0; lane < Width; ++lane) {
      float element = value[i].lane[lane];
      if constexpr (HasBias) element += offset[lane];
      if constexpr (Kind != SN_NO_ACTIVATION) element = activate<Kind>(element, slope);
      value[i].lane[lane] = element;
    }
    store<Width>(y.data + row * y.stride + column * Width, value[i]);
  }
}

template <int Kind, bool HasBias, int Width>
void launch(float slope, ConstRows x, const float* bias, Rows y, int64_t rows, int64_t channels, cudaStream_t stream) {
  const Tiling tiling = tile(rows, channels, Width);
  const dim3 grid(static_cast<unsigned>(tiling.rowTiles), static_cast<unsigned>(tiling.columnTiles));
  channelMap<Kind, HasBias, Width><<<grid, tiling.block, 0, stream>>>(x, bias, y, rows, tiling.columns, slope);
  checkCuda(cudaGetLastError(), "launching channelMap");
}

template <int Kind>
void launchKind(float slope, ConstRows x, const float* bias, Rows y, int64_t rows, int64_t channels,
                cudaStream_t stream) {
  const bool vectors = channels % 4 == 0 && allowsVectors(x) && allowsVectors(y);
  if (bias) {
    (vectors ? launch<Kind, true, 4> : launch<Kind, true, 1>)(slope, x, bias, y, rows, channels, stream);
  } else {
    (vectors ? launch<Kind, false, 4> : launch<Kind, false, 1>)(slope, x, bias, y, rows, channels, stream);
  }
}

using Launcher = decltype(&launchKind<SN_NO_ACTIVATION>);
constexpr Launcher kLaunchers[] = {launchKind<SN_SIGMOID>,    launchKind<SN_SCALED_SIGMOID>, launchKind<SN_TANH>,
                                   launchKind<SN_LEAKY_TANH>, launchKind<SN_RELU>,           launchKind<SN_LEAKY_RELU>,
                                   launchKind<SN_ELU>};
static_assert(sizeof kLaunchers / sizeof kLaunchers[0] == SN_ACTIVATION_COUNT, "one launcher per activation");

// Where a row's end is followed at once by the next row and there is no bias, only the element count matters: rows of a
// good length serve any shape, and a long vector does not become one row.
void flatten(ConstRows& x, Rows& y, int64_t& rows, int64_t& channels) {
  if (x.stride != channels || y.stride != channels) return;
  const int64_t elements = rows * channels;
  for (const int64_t length : {1024, 256, 64, 16, 4, 1}) {
    if (elements % length != 0) continue;
    rows = elements / length;
    channels = x.stride = y.stride = length;
    return;
  }
}

}  // namespace

void launchChannelMap(int kind, float slope, ConstRows x, const float* bias, Rows y, int64_t rows, int64_t channels,
                      cudaStream_t stream) {
  if (rows == 0 || channels == 0) return;
  if (!bias) flatten(x, y, rows, channels);
  const Launcher launcher = kind == SN_NO_ACTIVATION ? launchKind<SN_NO_ACTIVATION> : kLaunchers[kind];
  launcher(slope, x, bias, y, rows, channels, stream);
}

}  // namespace saturnn
