// Functions for allocation, copies and fills.
#include <cstring>
#include <vector>

#include "memory.h"
#include "status.h"
#include "stream.h"

using emulator::placeOf;
using emulator::remember;
using emulator::Where;

namespace {

// Whether the kind of a copy agrees with its pointers, and both ranges lie within their allocations.
bool isSound(void* target, const void* source, size_t bytes, cudaMemcpyKind kind) {
  const auto to = placeOf(target, bytes), from = placeOf(source, bytes);
  if (!to.inside || !from.inside) return false;
  const bool toDevice = to.where == Where::device, fromDevice = from.where == Where::device;
  switch (kind) {
    case cudaMemcpyHostToHost: return !toDevice && !fromDevice;
    case cudaMemcpyHostToDevice: return toDevice && !fromDevice;
    case cudaMemcpyDeviceToHost: return !toDevice && fromDevice;
    case cudaMemcpyDeviceToDevice: return toDevice && fromDevice;
    default: return true;
  }
}

std::string move(void* target, const void* source, size_t bytes) {
  if (!placeOf(target, bytes).inside || !placeOf(source, bytes).inside) return "a copy of memory that was freed";
  memmove(target, source, bytes);
  return "";
}

}  // namespace

extern "C" {

EMULATOR_API cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  if (const cudaError_t refused = emulator::refuseWhileAnyCaptured()) return remember(refused);
  return remember(emulator::allocateDevice(pointer, bytes));
}

EMULATOR_API cudaError_t cudaFree(void* pointer) {
  if (const cudaError_t refused = emulator::refuseWhileAnyCaptured()) return remember(refused);
  const cudaError_t status = emulator::runAll();  // cudaFree waits for the device
  const cudaError_t released = emulator::releaseDevice(pointer);
  return remember(status != cudaSuccess ? status : released);
}

EMULATOR_API cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned int) {
  if (const cudaError_t refused = emulator::refuseWhileAnyCaptured()) return remember(refused);
  return remember(emulator::allocatePinned(pointer, bytes));
}

EMULATOR_API cudaError_t cudaMallocHost(void** pointer, size_t bytes) { return cudaHostAlloc(pointer, bytes, 0); }

EMULATOR_API cudaError_t cudaFreeHost(void* pointer) {
  if (const cudaError_t refused = emulator::refuseWhileAnyCaptured()) return remember(refused);
  const cudaError_t status = emulator::runAll();
  const cudaError_t released = emulator::releasePinned(pointer);
  return remember(status != cudaSuccess ? status : released);
}

EMULATOR_API cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *free = emulator::freeMemory();
  *total = emulator::totalMemory();
  return cudaSuccess;
}

EMULATOR_API cudaError_t cudaMemcpyAsync(void* target, const void* source, size_t bytes, cudaMemcpyKind kind,
                                         cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  if (!isSound(target, source, bytes, kind)) return remember(cudaErrorInvalidValue);
  const bool pageable = placeOf(target, bytes).where == Where::host || placeOf(source, bytes).where == Where::host;
  if (!pageable) {
    return remember(emulator::enqueue(stream, [=] { return move(target, source, bytes); }));
  }
  if (const cudaError_t refused = emulator::refuseWhileCaptured(stream)) return remember(refused);
  if (placeOf(target, bytes).where == Where::host) {
    if (const cudaError_t status = emulator::runStream(stream)) return remember(status);
    memmove(target, source, bytes);
    return cudaSuccess;
  }
  // Pageable memory is copied to a buffer before the call returns, because the caller may change it afterwards.
  const auto* begin = static_cast<const char*>(source);
  return remember(emulator::enqueue(stream, [target, staged = std::vector<char>(begin, begin + bytes)] {
    if (!placeOf(target, staged.size()).inside) return std::string("a copy to memory that was freed");
    memcpy(target, staged.data(), staged.size());
    return std::string();
  }));
}

EMULATOR_API cudaError_t cudaMemcpy(void* target, const void* source, size_t bytes, cudaMemcpyKind kind) {
  if (const cudaError_t refused = emulator::refuseWhileCaptured(nullptr)) return remember(refused);
  const cudaError_t status = cudaMemcpyAsync(target, source, bytes, kind, nullptr);
  return status != cudaSuccess ? status : remember(emulator::runStream(nullptr));
}

EMULATOR_API cudaError_t cudaMemsetAsync(void* target, int value, size_t bytes, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  const auto place = placeOf(target, bytes);
  if (place.where == Where::host || !place.inside) return remember(cudaErrorInvalidValue);
  return remember(emulator::enqueue(stream, [=] {
    if (!placeOf(target, bytes).inside) return std::string("a fill of memory that was freed");
    memset(target, value, bytes);
    return std::string();
  }));
}

EMULATOR_API cudaError_t cudaMemset(void* target, int value, size_t bytes) {
  return cudaMemsetAsync(target, value, bytes, nullptr);
}

}  // extern "C"
