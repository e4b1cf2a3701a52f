// Opens a GPU: checks driver and libraries in order, then makes a context, a stream and a cuDNN handle.
#include "cuda/device/device.h"

#include "cuda/device/check.h"
#include "cuda/device/driver.h"
#include "shared/precisions.h"

using saturnn::Error;
using saturnn::Precision;
using saturnn::cuda::checkCuda;

namespace {

// Tensor cores take tf32 and bf16 since compute capability 8.0 (Ampere).
std::string precisionFieldsOf(int major, int minor) {
  return saturnn::precisionFields([&](Precision precision) {
    if (major >= 8 || precision == Precision::f32 || precision == Precision::fp16) return std::string();
    return "needs compute capability 8.0 or higher; this GPU has " + std::to_string(major) + "." +
           std::to_string(minor);
  });
}

void requireUsable(const saturnn::cuda::LibraryReport& report) {
  if (!report.code.empty()) throw Error(report.code, report.problem);
}

}  // namespace

SnDevice::SnDevice(int index, const std::vector<std::string>& searchPaths, std::string cacheFolder)
    : index_(index), cacheFolder_(std::move(cacheFolder)) {
  const saturnn::cuda::DriverReport driver = saturnn::cuda::probeDriver();
  if (!driver.problem.empty()) throw Error("ERR_CUDA_UNAVAILABLE", driver.problem);
  libraries_ = saturnn::cuda::loadLibraries(searchPaths);
  requireUsable(libraries_.cudnnReport);
  requireUsable(libraries_.cublasLtReport);

  const int count = static_cast<int>(driver.devices.size());
  if (index < 0 || index >= count) {
    throw Error("ERR_CUDA_UNAVAILABLE", "Expected a GPU index from 0 to " + std::to_string(count - 1) +
                                            " but received " + std::to_string(index) + ".");
  }
  name_ = "GPU " + std::to_string(index) + " (" + driver.devices[index] + ")";
  // From here on the CUDA runtime uses the driver. Its failures are still a state of the host, not a bug of a plan.
  try {
    use();
    checkCuda(cudaFree(nullptr), "creating a CUDA context");
    checkCuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    checkCuda(cudaEventCreate(&timerStart_), "cudaEventCreate");
    checkCuda(cudaEventCreate(&timerStop_), "cudaEventCreate");
  } catch (const Error& failure) {
    throw Error("ERR_CUDA_UNAVAILABLE", name_ + " does not work with this driver: " + failure.what() +
                                            ". See whether nvidia-smi works on this host.");
  }
  cudnnStatus_t status = libraries_.cudnn.create(&cudnn_);
  if (status == CUDNN_STATUS_SUCCESS) status = libraries_.cudnn.setStream(cudnn_, stream_);
  if (status != CUDNN_STATUS_SUCCESS) {
    const std::string text = libraries_.cudnn.getErrorString(status);
    release();
    throw Error("ERR_CUDNN", "cuDNN at " + libraries_.cudnnReport.path + " does not start: " + text);
  }
}

SnDevice::~SnDevice() {
  cudaSetDevice(index_);
  cudaStreamSynchronize(stream_);
  release();
}

void SnDevice::release() {
  if (cudnn_) libraries_.cudnn.destroy(cudnn_);
  cudaEventDestroy(timerStart_);
  cudaEventDestroy(timerStop_);
  cudaStreamDestroy(stream_);
}

void SnDevice::startTimer() { checkCuda(cudaEventRecord(timerStart_, stream_), "cudaEventRecord"); }

double SnDevice::stopTimer() {
  float milliseconds = 0;
  checkCuda(cudaEventRecord(timerStop_, stream_), "cudaEventRecord");
  checkCuda(cudaEventSynchronize(timerStop_), "cudaEventSynchronize");
  checkCuda(cudaEventElapsedTime(&milliseconds, timerStart_, timerStop_), "cudaEventElapsedTime");
  return milliseconds;
}

void SnDevice::use() const { checkCuda(cudaSetDevice(index_), "cudaSetDevice"); }

std::string SnDevice::describe() const {
  using saturnn::jsonString;
  cudaDeviceProp properties;
  checkCuda(cudaGetDeviceProperties(&properties, index_), "cudaGetDeviceProperties");
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  return "{\"backend\":\"cuda\",\"index\":" + std::to_string(index_) + ",\"name\":" + jsonString(properties.name) +
         ",\"memory\":" + std::to_string(properties.totalGlobalMem) +
         ",\"multiprocessors\":" + std::to_string(properties.multiProcessorCount) + ",\"computeCapability\":\"" +
         std::to_string(properties.major) + "." + std::to_string(properties.minor) +
         "\",\"versions\":{\"driver\":" + jsonString(saturnn::cuda::cudaVersionText(driver)) +
         ",\"runtime\":" + jsonString(saturnn::cuda::cudaVersionText(runtime)) +
         ",\"cudnn\":" + jsonString(libraries_.cudnnReport.version) +
         ",\"cublasLt\":" + jsonString(libraries_.cublasLtReport.version) +
         ",\"nvrtc\":" + jsonString(libraries_.nvrtcReport.version) + "},\"features\":[" +
         (libraries_.nvrtcReport.problem.empty() ? "\"nvrtc\"" : "") + "],\"halfWeights\":true," +
         precisionFieldsOf(properties.major, properties.minor) + "}";
}
