// A stand-in for libcuda.so.1 that accepts code and does nothing with it. cuDNN compiles a fused plan itself and then
// loads the code into the driver; with this stand-in and a description of a GPU, it makes such plans on a host without
// driver and GPU. cuDNN looks up all functions by name; those that fail here are not called while it makes a plan.
// cuInit finds no GPU, so that the CUDA runtimes inside the libraries do nothing.
#include <stddef.h>

enum { kSuccess = 0, kNoDevice = 100, kNotSupported = 801 };

static char handle[64];

int cuInit(unsigned flags) {
  (void)flags;
  return kNoDevice;
}

int cuDriverGetVersion(int* version) {
  *version = 13000;
  return kSuccess;
}

int cuDeviceGetCount(int* count) {
  *count = 1;
  return kSuccess;
}

int cuLibraryLoadData(void** library, const void* code, void* options, void** values, unsigned count, void* more,
                      void** moreValues, unsigned moreCount) {
  (void)code, (void)options, (void)values, (void)count, (void)more, (void)moreValues, (void)moreCount;
  *library = handle;
  return kSuccess;
}

int cuLibraryGetKernel(void** kernel, void* library, const char* name) {
  (void)library, (void)name;
  *kernel = handle;
  return kSuccess;
}

int cuLibraryUnload(void* library) {
  (void)library;
  return kSuccess;
}

int cuGetErrorName(int error, const char** text) {
  (void)error;
  *text = "CUDA_ERROR_NOT_SUPPORTED";
  return kSuccess;
}

int cuGetErrorString(int error, const char** text) {
  (void)error;
  *text = "a stand-in for the driver cannot do this";
  return kSuccess;
}

#define REFUSE(name) \
  int name(void) { return kNotSupported; }

REFUSE(cuCtxGetCurrent)
REFUSE(cuCtxGetDevice)
REFUSE(cuCtxGetLimit)
REFUSE(cuCtxPopCurrent)
REFUSE(cuCtxPushCurrent)
REFUSE(cuDeviceGet)
REFUSE(cuDeviceGetAttribute)
REFUSE(cuDevicePrimaryCtxRelease)
REFUSE(cuDevicePrimaryCtxReset)
REFUSE(cuDevicePrimaryCtxRetain)
REFUSE(cuFuncGetAttribute)
REFUSE(cuFuncSetAttribute)
REFUSE(cuKernelGetAttribute)
REFUSE(cuKernelSetAttribute)
REFUSE(cuLaunchCooperativeKernel)
REFUSE(cuLaunchKernel)
REFUSE(cuLaunchKernelEx)
REFUSE(cuLibraryLoadFromFile)
REFUSE(cuLinkAddData)
REFUSE(cuLinkAddData_v2)
REFUSE(cuLinkAddFile_v2)
REFUSE(cuLinkComplete)
REFUSE(cuLinkCreate)
REFUSE(cuLinkCreate_v2)
REFUSE(cuLinkDestroy)
REFUSE(cuMemcpyDtoH_v2)
REFUSE(cuModuleGetFunction)
REFUSE(cuModuleGetGlobal_v2)
REFUSE(cuModuleLoadData)
REFUSE(cuModuleLoadDataEx)
REFUSE(cuModuleLoadFatBinary)
REFUSE(cuModuleUnload)
REFUSE(cuOccupancyMaxActiveBlocksPerMultiprocessor)
REFUSE(cuOccupancyMaxPotentialClusterSize)
REFUSE(cuStreamGetCtx)
REFUSE(cuStreamSynchronize)
REFUSE(cuTensorMapEncodeTiled)
