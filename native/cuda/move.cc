#include "cuda/move.h"

#include "cuda/device/check.h"
#include "cuda/kernels/activation.h"

namespace saturnn::cuda {

void Move::enqueue(SnDevice& device, const void* source, void* target) const {
  if (from.dtype != to.dtype) {
    launchConvertRows(constRows(from, source), rows(to, target), rowCount(from), channelCount(from), device.stream());
    return;
  }
  if (isDense(from) && isDense(to)) {
    if (source == target) return;
    checkCuda(cudaMemcpyAsync(target, source, byteCount(from), cudaMemcpyDeviceToDevice, device.stream()),
              "copying a tensor");
    return;
  }
  const ConstRows x = constRows(from, source);
  const Rows y = rows(to, target);
  if (x.data == y.data && x.stride == y.stride) return;
  launchChannelMap(SN_NO_ACTIVATION, 0.0f, x, nullptr, y, rowCount(from), channelCount(from), device.stream());
}

}  // namespace saturnn::cuda
