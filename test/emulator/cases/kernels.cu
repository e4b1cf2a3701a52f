// Kernels with one mistake each, and corrected versions of them.
#include <vector>

#include "cases.h"
#include "cuda/kernels/common/launch.cuh"

namespace emulator_cases {
namespace {

using saturnn::cuda::launch;

constexpr int kThreads = 64;

// Every thread reads what its neighbour to the right has written, which is a race without the barrier.
template <bool HasBarrier>
__global__ void shift(float* out) {
  __shared__ float shared[kThreads];
  shared[threadIdx.x] = static_cast<float>(threadIdx.x);
  if constexpr (HasBarrier) __syncthreads();
  out[threadIdx.x] = shared[(threadIdx.x + 1) % kThreads];
}

// A value may be overwritten before a neighbour has read it.
__global__ void writeAfterRead(float* out) {
  __shared__ float shared[kThreads];
  shared[threadIdx.x] = 1.0f;
  __syncthreads();
  const float before = shared[(threadIdx.x + 1) % kThreads];
  shared[threadIdx.x] = static_cast<float>(threadIdx.x + 1) + before;
  __syncthreads();
  out[threadIdx.x] = before + shared[(threadIdx.x + 1) % kThreads];
}

__global__ void divergentBarriers(float* out) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  out[threadIdx.x] = 1.0f;
}

__global__ void barrierAgainstShuffle(float* out) {
  float value = 1.0f;
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    value = __shfl_xor_sync(0xffffffffu, value, 1);
    if (threadIdx.x < 48) value = __shfl_xor_sync(0xffffffffu, value, 2);
    __syncthreads();
  }
  out[threadIdx.x] = value;
}

// A barrier does not wait for threads that have returned.
__global__ void earlyExit(float* out) {
  __shared__ float shared[kThreads];
  if (threadIdx.x >= 40) return;
  shared[threadIdx.x] = 1.0f;
  __syncthreads();
  out[threadIdx.x] = shared[39 - threadIdx.x];
}

__global__ void warpSum(float* out) {
  float value = static_cast<float>(threadIdx.x);
  for (int lanes = 16; lanes > 0; lanes /= 2) value += __shfl_xor_sync(0xffffffffu, value, lanes);
  out[threadIdx.x] = value + __shfl_down_sync(0xffffffffu, value, 1) + __shfl_sync(0xffffffffu, value, 5, 8);
}

__global__ void partialMask(float* out) { out[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, 1.0f, 1); }

__global__ void misaligned(float* out, int offset) {
  *reinterpret_cast<float4*>(out + offset) = make_float4(1.0f, 2.0f, 3.0f, 4.0f);
}

__global__ void beyondShared(float* out, int index) {
  __shared__ float shared[kThreads];
  shared[index + threadIdx.x] = 1.0f;
  __syncthreads();
  out[threadIdx.x] = shared[threadIdx.x];
}

// The second block reads what the first one has left in shared memory.
__global__ void leftInShared(float* out) {
  __shared__ float shared[1];
  if (blockIdx.x == 0) shared[0] = 7.0f;
  __syncthreads();
  out[blockIdx.x] = shared[0];
}

__global__ void writeAt(float* out, int64_t index) { out[index] = 1.0f; }

__global__ void addTo(float* value, float amount) { *value += amount; }

// Runs launcher(out) and waits. Returns "ok" and the sum of the first `count` numbers, or the error.
template <class Launcher>
std::string sumAfter(int count, Launcher&& launcher) {
  float* out = nullptr;
  if (const cudaError_t status = cudaMalloc(reinterpret_cast<void**>(&out), 256 * sizeof(float))) return textOf(status);
  std::string text;
  try {
    launcher(out);
    std::vector<float> values(count);
    const cudaError_t status = cudaMemcpy(values.data(), out, values.size() * sizeof(float), cudaMemcpyDeviceToHost);
    float sum = 0.0f;
    for (const float value : values) sum += value;
    text = status != cudaSuccess ? textOf(status) : "ok " + std::to_string(sum);
  } catch (const saturnn::Error& failure) {
    text = failure.what();
  }
  const cudaError_t freed = cudaFree(out);
  return freed == cudaSuccess ? text : text + "; cudaFree: " + textOf(freed);
}

template <class... Arguments, class... Parameters>
std::string run(const char* name, void (*kernel)(float*, Parameters...), dim3 grid, dim3 block, int count,
                Arguments... arguments) {
  return sumAfter(count, [&](float* out) { launch(name, kernel, grid, block, nullptr, out, arguments...); });
}

}  // namespace

void launchAddTo(float* value, float amount, cudaStream_t stream) {
  launch("addTo", addTo, 1, 1, stream, value, amount);
}

const Case kKernelCases[] = {
    {"race", [] { return run("shift", shift<false>, 1, kThreads, kThreads); }},
    {"barrier", [] { return run("shift", shift<true>, 1, kThreads, kThreads); }},
    {"write after read", [] { return run("writeAfterRead", writeAfterRead, 1, kThreads, kThreads); }},
    {"divergent barriers", [] { return run("divergentBarriers", divergentBarriers, 1, kThreads, kThreads); }},
    {"barrier against shuffle",
     [] { return run("barrierAgainstShuffle", barrierAgainstShuffle, 1, kThreads, kThreads); }},
    {"early exit", [] { return run("earlyExit", earlyExit, 1, kThreads, 40); }},
    {"warp sum", [] { return run("warpSum", warpSum, 1, kThreads, 31); }},
    {"partial mask", [] { return run("partialMask", partialMask, 1, 32, 32); }},
    {"misaligned", [] { return run("misaligned", misaligned, 1, 1, 4, 1); }},
    {"aligned", [] { return run("misaligned", misaligned, 1, 1, 4, 0); }},
    {"beyond shared", [] { return run("beyondShared", beyondShared, 1, kThreads, kThreads, 1); }},
    {"left in shared", [] { return run("leftInShared", leftInShared, 2, 1, 2); }},
    {"beyond the allocation", [] { return run("writeAt", writeAt, 1, 1, 0, 256); }},
    {"too many threads", [] { return run("shift", shift<true>, 1, 1025, kThreads); }},
    {"grid too high", [] { return run("writeAt", writeAt, dim3(1, 65536), 1, 1, 0); }},
};
const size_t kKernelCaseCount = sizeof kKernelCases / sizeof kKernelCases[0];

}  // namespace emulator_cases
