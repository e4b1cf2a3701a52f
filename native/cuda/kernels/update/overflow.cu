// The first kernel of the check before an update, which passes a closed gate on. The second is that of the update.
#include "cuda/kernels/common/rows.cuh"

namespace saturnn::cuda {
namespace {

__global__ void beginCheck(const int32_t* __restrict__ gate, int32_t* __restrict__ flag) { *flag = *gate != 0 ? 1 : 0; }

}  // namespace

void launchBeginCheck(const int32_t* gate, int32_t* flag, cudaStream_t stream) {
  launch("beginCheck", beginCheck, 1, 1, stream, gate, flag);
}

}  // namespace saturnn::cuda
