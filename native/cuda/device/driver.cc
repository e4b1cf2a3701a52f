// Probes libcuda.so.1 with the five driver calls that need no context.
#include "cuda/device/driver.h"

#include <dlfcn.h>

namespace saturnn::cuda {
namespace {

constexpr int kNoDevice = 100;  // CUDA_ERROR_NO_DEVICE

template <class Function>
bool resolve(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

}  // namespace

std::string cudaVersionText(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

DriverReport probeDriver() {
  DriverReport report;
  void* library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (!library) {
    const char* text = dlerror();
    report.problem = std::string("no NVIDIA driver: libcuda.so.1 does not load (") + (text ? text : "no reason given") +
                     "). Install the NVIDIA driver; in a container, start it with GPU access (docker run --gpus all).";
    return report;
  }

  int (*init)(unsigned);
  int (*driverGetVersion)(int*);
  int (*deviceGetCount)(int*);
  int (*deviceGet)(int*, int);
  int (*deviceGetName)(char*, int, int);
  if (!resolve(library, "cuInit", init) || !resolve(library, "cuDriverGetVersion", driverGetVersion) ||
      !resolve(library, "cuDeviceGetCount", deviceGetCount) || !resolve(library, "cuDeviceGet", deviceGet) ||
      !resolve(library, "cuDeviceGetName", deviceGetName)) {
    report.problem = "libcuda.so.1 loads but lacks functions of the CUDA driver API. Reinstall the NVIDIA driver.";
    return report;
  }

  if (const int status = driverGetVersion(&report.cudaVersion); status != 0) {
    report.cudaVersion = 0;
    report.problem = "the NVIDIA driver does not answer: cuDriverGetVersion returned error " + std::to_string(status) +
                     ". See whether nvidia-smi works on this host.";
    return report;
  }
  if (report.cudaVersion < kOldestDriverCuda) {
    report.problem = "the NVIDIA driver supports CUDA " + cudaVersionText(report.cudaVersion) + ", but " +
                     cudaVersionText(kOldestDriverCuda) + " is needed. Update the driver (580 or newer).";
    return report;
  }
  if (const int status = init(0); status != 0 && status != kNoDevice) {
    report.problem = "the NVIDIA driver does not start: cuInit returned error " + std::to_string(status) +
                     ". See whether nvidia-smi works on this host.";
    return report;
  }

  int count = 0;
  if (deviceGetCount(&count) != 0) count = 0;
  for (int index = 0; index < count; ++index) {
    int device = 0;
    char name[256] = "";
    if (deviceGet(&device, index) == 0) deviceGetName(name, sizeof name, device);
    report.devices.emplace_back(name);
  }
  if (report.devices.empty()) {
    report.problem = "the NVIDIA driver sees no GPU. See nvidia-smi, and whether CUDA_VISIBLE_DEVICES hides it.";
  }
  return report;
}

}  // namespace saturnn::cuda
