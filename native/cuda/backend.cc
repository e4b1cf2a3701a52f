// The entry point of libsaturnn_cuda.so: the function table of backend.h. Each function is a guarded call.
#include "shared/backend.h"

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "cuda/device/capture.h"
#include "cuda/device/check.h"
#include "cuda/device/device.h"
#include "cuda/device/driver.h"
#include "cuda/device/libraries.h"
#include "cuda/device/probe.h"
#include "cuda/device/uploader.h"
#include "cuda/ops.h"
#include "shared/abi.h"
#include "shared/json.h"
#include "shared/ops_json.h"

namespace saturnn::cuda {

// Defined in kernels/latch.cu. If the gate is open and no earlier step was stopped (halt[0]), counts the step in
// halt[1]. Else closes *gate and, unless it is null, *skip.
void launchLatch(int32_t* gate, int32_t* skip, int32_t* halt, cudaStream_t stream);

namespace {

std::vector<std::string> searchPathsOf(const SnOpenOptions* options) {
  std::vector<std::string> paths;
  for (int i = 0; i < options->search_path_count; ++i) paths.emplace_back(options->search_paths[i]);
  return paths;
}

void probe(const SnOpenOptions* options, char* json, size_t capacity) {
  writeJson(json, capacity,
            [&] { return probeJson(probeDriver(), loadLibraries(searchPathsOf(options)), opsJson(opInfos, opCount)); });
}

int open(const SnOpenOptions* options, SnDevice** device, SnError* error) {
  return guarded(error, [&] {
    const char* cacheFolder = options->cache_folder ? options->cache_folder : "";
    *device = new SnDevice(options->index, searchPathsOf(options), cacheFolder);
  });
}

void close(SnDevice* device) { delete device; }

void describe(SnDevice* device, char* json, size_t capacity) {
  writeJson(json, capacity, [&] {
    device->use();
    return device->describe();
  });
}

std::string mebibytes(size_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

[[noreturn]] void throwOutOfMemory(const SnDevice& device, size_t bytes) {
  cudaGetLastError();  // else the next launch check would report it again
  size_t free = 0, total = 0;
  checkCuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  throw Error("ERR_CUDA_OOM", device.name() + " has " + mebibytes(free) + " free of " + mebibytes(total) + ", and " +
                                  mebibytes(bytes) + " more are needed");
}

int allocate(SnDevice* device, size_t bytes, void** memory, SnError* error) {
  return guarded(error, [&] {
    device->use();
    const cudaError_t status = cudaMalloc(memory, bytes ? bytes : 1);
    if (status == cudaErrorMemoryAllocation) throwOutOfMemory(*device, bytes);
    checkCuda(status, ("cudaMalloc of " + std::to_string(bytes) + " bytes").c_str());
  });
}

void release(SnDevice* device, void* memory, size_t) {
  guarded(nullptr, [&] {
    device->use();
    checkCuda(cudaFree(memory), "cudaFree");
  });
}

int upload(SnDevice* device, void* destination, const void* source, size_t bytes, SnError* error) {
  return guarded(error, [&] {
    device->use();
    checkCuda(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyHostToDevice, device->stream()), "cudaMemcpyAsync");
    // The caller may reuse `source` after return; CUDA does not guarantee that for pageable memory on every host.
    checkCuda(cudaStreamSynchronize(device->stream()), "waiting for an upload");
  });
}

int download(SnDevice* device, void* destination, const void* source, size_t bytes, SnError* error) {
  return guarded(error, [&] {
    device->use();
    checkCuda(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDeviceToHost, device->stream()), "cudaMemcpyAsync");
    checkCuda(cudaStreamSynchronize(device->stream()), "waiting for a download");
  });
}

int fill(SnDevice* device, void* destination, uint8_t value, size_t bytes, SnError* error) {
  return guarded(error, [&] {
    device->use();
    checkCuda(cudaMemsetAsync(destination, value, bytes, device->stream()), "cudaMemsetAsync");
  });
}

int copy(SnDevice* device, void* destination, const void* source, size_t bytes, SnError* error) {
  return guarded(error, [&] {
    device->use();
    checkCuda(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDeviceToDevice, device->stream()),
              "cudaMemcpyAsync");
  });
}

int synchronize(SnDevice* device, SnError* error) {
  return guarded(error, [&] {
    device->use();
    checkCuda(cudaStreamSynchronize(device->stream()), "cudaStreamSynchronize");
  });
}

int startTimer(SnDevice* device, SnError* error) {
  return guarded(error, [&] {
    device->use();
    device->startTimer();
  });
}

int stopTimer(SnDevice* device, double* milliseconds, SnError* error) {
  return guarded(error, [&] {
    device->use();
    *milliseconds = device->stopTimer();
  });
}

int create(SnDevice* device, const SnOpDesc* op, SnKernel** kernel, SnKernelInfo* info, SnError* error) {
  return guarded(error, op->name, [&] {
    device->use();
    *info = SnKernelInfo{};
    *kernel = createKernel(*device, *op, *info).release();
  });
}

void destroy(SnKernel* kernel) { delete kernel; }

int launch(SnKernel* kernel, void* const* inputs, void* const* outputs, void* scratch, SnError* error) {
  return guarded(error, [&] {
    kernel->device.use();
    kernel->launch(inputs, outputs, scratch);
  });
}

int begin(SnDevice* device, SnError* error) {
  return guarded(error, [&] {
    device->use();
    beginCapture(*device);
  });
}

int end(SnDevice* device, SnGraph** graph, SnError* error) {
  return guarded(error, [&] {
    device->use();
    *graph = endCapture(*device).release();
  });
}

int replay(SnGraph* graph, SnError* error) {
  return guarded(error, [&] {
    graph->device.use();
    launchGraph(*graph);
  });
}

void destroyGraph(SnGraph* graph) { delete graph; }

int latch(SnDevice* device, int32_t* gate, int32_t* skip, int32_t* halt, SnError* error) {
  return guarded(error, [&] {
    device->use();
    launchLatch(gate, skip, halt, device->stream());
  });
}

int createUploader(SnDevice* device, size_t bytes, SnUploader** uploader, SnError* error) {
  return guarded(error, [&] {
    device->use();
    *uploader = new SnUploader(*device, bytes);
  });
}

void destroyUploader(SnUploader* uploader) {
  guarded(nullptr, [&] {
    uploader->device.use();
    delete uploader;
  });
}

int uploadAhead(SnUploader* uploader, void* destination, const void* source, size_t bytes, SnError* error) {
  return guarded(error, [&] {
    uploader->device.use();
    uploader->upload(destination, source, bytes);
  });
}

int awaitUpload(SnUploader* uploader, SnError* error) {
  return guarded(error, [&] {
    uploader->device.use();
    uploader->await();
  });
}

const SnBackend* table() {
  static const SnBackend backend = [] {
    SnBackend rows{};
    rows.abi_version = abiVersion;
    rows.name = "cuda";
    rows.ops = opInfos;
    rows.op_count = opCount;
    rows.probe = probe;
    rows.open = open;
    rows.close = close;
    rows.describe = describe;
    rows.allocate = allocate;
    rows.release = release;
    rows.upload = upload;
    rows.download = download;
    rows.fill = fill;
    rows.copy = copy;
    rows.synchronize = synchronize;
    rows.start_timer = startTimer;
    rows.stop_timer = stopTimer;
    rows.create_kernel = create;
    rows.destroy_kernel = destroy;
    rows.launch = launch;
    rows.begin_capture = begin;
    rows.end_capture = end;
    rows.launch_graph = replay;
    rows.destroy_graph = destroyGraph;
    rows.latch = latch;
    rows.create_uploader = createUploader;
    rows.destroy_uploader = destroyUploader;
    rows.upload_ahead = uploadAhead;
    rows.await_upload = awaitUpload;
    return rows;
  }();
  return &backend;
}

}  // namespace
}  // namespace saturnn::cuda

extern "C" __attribute__((visibility("default"))) const SnBackend* saturnn_backend(uint32_t version,
                                                                                   uint32_t* ownVersion) {
  if (ownVersion) *ownVersion = saturnn::abiVersion;
  if (version != saturnn::abiVersion) return nullptr;
  const SnBackend* backend = nullptr;
  saturnn::guarded(nullptr, [&] { backend = saturnn::cuda::table(); });
  return backend;
}
