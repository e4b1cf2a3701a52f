// latch: in a run of many steps without the host, the first closed gate closes the gates of all later steps.
#include "cuda/kernels/common/rows.cuh"

namespace saturnn::cuda {
namespace {

// halt = {stopped, steps done}
__global__ void latch(int32_t* gate, int32_t* skip, int32_t* __restrict__ halt) {
  if (halt[0] == 0 && *gate == 0) {
    halt[1] += 1;
  } else {
    halt[0] = *gate = 1;
    if (skip) *skip = 1;
  }
}

}  // namespace

void launchLatch(int32_t* gate, int32_t* skip, int32_t* halt, cudaStream_t stream) {
  launch("latch", latch, 1, 1, stream, gate, skip, halt);
}

}  // namespace saturnn::cuda
