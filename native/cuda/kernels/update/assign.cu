// The writers of small state: a copy that does nothing if the gate is closed, and the step counter.
#include "cuda/kernels/common/rows.cuh"

namespace saturnn::cuda {
namespace {

template <class Word>
__global__ void __launch_bounds__(kThreads) gatedCopy(const int32_t* __restrict__ gate, Word* __restrict__ target,
                                                      const Word* __restrict__ source, int64_t count) {
  if (gate && *gate != 0) return;
  const int64_t index = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (index < count) target[index] = source[index];
}

__global__ void advance(const int32_t* __restrict__ gate, int32_t* counter) {
  if (!gate || *gate == 0) counter[1] += 1;
}

template <class Word>
void copyWords(const int32_t* gate, void* target, const void* source, size_t bytes, cudaStream_t stream) {
  const int64_t count = static_cast<int64_t>(bytes / sizeof(Word));
  const unsigned blocks = static_cast<unsigned>(ceilDivide(count, kThreads));
  launch("gatedCopy", gatedCopy<Word>, blocks, kThreads, stream, gate, static_cast<Word*>(target),
         static_cast<const Word*>(source), count);
}

}  // namespace

void launchGatedCopy(const int32_t* gate, void* target, const void* source, size_t bytes, cudaStream_t stream) {
  if (bytes == 0) return;
  const auto fits = [&](size_t size) {
    return bytes % size == 0 && reinterpret_cast<uintptr_t>(target) % size == 0 &&
           reinterpret_cast<uintptr_t>(source) % size == 0;
  };
  const auto copy = fits(16) ? copyWords<uint4> : fits(4) ? copyWords<uint32_t> : copyWords<uint8_t>;
  copy(gate, target, source, bytes, stream);
}

void launchAdvance(const int32_t* gate, int32_t* counter, cudaStream_t stream) {
  launch("advance", advance, 1, 1, stream, gate, counter);
}

}  // namespace saturnn::cuda
