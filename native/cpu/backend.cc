// The CPU backend behind the C ABI: devices, memory, and kernels from the op table. No exception leaves this file.
#include <omp.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <string>

#include "cpu/device/device.h"
#include "cpu/device/memory.h"
#include "cpu/device/report.h"
#include "cpu/device/threads.h"
#include "cpu/kernel.h"
#include "cpu/ops.h"
#include "cpu/simd/table.h"
#include "shared/abi.h"
#include "shared/json.h"

struct SnDevice {
  saturnn::cpu::Device device;
  std::chrono::steady_clock::time_point timerStart{};
};

struct SnKernel {
  SnDevice* owner;
  std::string op;
  std::unique_ptr<saturnn::cpu::Kernel> kernel;
};

namespace saturnn::cpu {

namespace {

void probe(const SnOpenOptions*, char* json, size_t capacity) { writeJson(json, capacity, probeJson); }

int open(const SnOpenOptions* options, SnDevice** device, SnError* error) {
  return guarded(error, [&] {
    require(options->index == 0, "Expected device index 0 for the CPU but received " + std::to_string(options->index));
    require(options->threads >= 0, "Expected threads >= 0 but received " + std::to_string(options->threads));
    requireOneDnn();
    const bool isGiven = options->threads > 0;
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    const int threads = startThreads(isGiven ? options->threads : defaultThreads(), isGiven);
    *device = new SnDevice{{threads, &selectSimdTable(), engine, dnnl::stream(engine)}, {}};
  });
}

void close(SnDevice* device) { delete device; }

void describe(SnDevice* owner, char* json, size_t capacity) {
  writeJson(json, capacity, [&] { return describeJson(owner->device); });
}

int allocate(SnDevice*, size_t bytes, void** memory, SnError* error) {
  return guarded(error, [&] { *memory = allocateMemory(bytes); });
}

void release(SnDevice*, void* memory, size_t bytes) { releaseMemory(memory, bytes); }

int copyBytes(SnDevice*, void* destination, const void* source, size_t bytes, SnError*) {
  std::memcpy(destination, source, bytes);
  return SN_OK;
}

int fill(SnDevice*, void* destination, uint8_t value, size_t bytes, SnError*) {
  std::memset(destination, value, bytes);
  return SN_OK;
}

int synchronize(SnDevice*, SnError*) { return SN_OK; }

int startTimer(SnDevice* owner, SnError*) {
  owner->timerStart = std::chrono::steady_clock::now();
  return SN_OK;
}

int stopTimer(SnDevice* owner, double* milliseconds, SnError*) {
  const auto elapsed = std::chrono::steady_clock::now() - owner->timerStart;
  *milliseconds = std::chrono::duration<double, std::milli>(elapsed).count();
  return SN_OK;
}

// OpenMP stores the team size per calling thread, and callers may use one thread for several devices.
void useThreadsOf(const Device& device) {
  omp_set_dynamic(0);  // a team that is smaller than asked for would change the order of sums
  omp_set_num_threads(device.threads);
}

int createKernel(SnDevice* owner, const SnOpDesc* desc, SnKernel** result, SnKernelInfo* info, SnError* error) {
  return guarded(error, desc->name, [&] {
    CreateKernel* create = findOp(desc->name);
    if (!create) throw Error("ERR_UNSUPPORTED", "The CPU backend has no kernel for this op");
    useThreadsOf(owner->device);
    auto kernel = std::make_unique<SnKernel>(SnKernel{owner, desc->name, create(*desc, owner->device)});
    *info = kernel->kernel->info();
    *result = kernel.release();
  });
}

void destroyKernel(SnKernel* kernel) { delete kernel; }

int launch(SnKernel* kernel, void* const* inputs, void* const* outputs, void* scratch, SnError* error) {
  return guarded(error, kernel->op.c_str(), [&] {
    useThreadsOf(kernel->owner->device);
    kernel->kernel->launch(inputs, outputs, scratch);
  });
}

SnBackend makeBackend() {
  SnBackend backend{};
  backend.abi_version = abiVersion;
  backend.name = "cpu";
  backend.ops = opInfos;
  backend.op_count = opCount;
  backend.prefers_blocked_images = prefersBlockedImages() ? 1 : 0;
  backend.probe = probe;
  backend.open = open;
  backend.close = close;
  backend.describe = describe;
  backend.allocate = allocate;
  backend.release = release;
  backend.upload = copyBytes;
  backend.download = copyBytes;
  backend.fill = fill;
  backend.copy = copyBytes;
  backend.synchronize = synchronize;
  backend.start_timer = startTimer;
  backend.stop_timer = stopTimer;
  backend.create_kernel = createKernel;
  backend.destroy_kernel = destroyKernel;
  backend.launch = launch;
  return backend;
}

}  // namespace

}  // namespace saturnn::cpu

extern "C" __attribute__((visibility("default"))) const SnBackend* saturnn_backend(uint32_t abi_version,
                                                                                   uint32_t* own_version) {
  if (own_version) *own_version = saturnn::abiVersion;
  if (abi_version != saturnn::abiVersion) return nullptr;
  const SnBackend* table = nullptr;
  saturnn::guarded(nullptr, [&] {
    static const SnBackend backend = saturnn::cpu::makeBackend();
    table = &backend;
  });
  return table;
}
