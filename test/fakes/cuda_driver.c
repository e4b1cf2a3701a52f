// A stand-in for libcuda.so.1, the NVIDIA driver, with the few functions that the CUDA backend's probe calls. It lets a
// host without a GPU reach what comes after the driver. It has nothing that the CUDA runtime needs, so the first call
// of the runtime fails, as it does on a host whose driver is broken.
#include <stdlib.h>
#include <string.h>

static int number(const char* name, int otherwise) {
  const char* text = getenv(name);
  return text ? atoi(text) : otherwise;
}

int cuDriverGetVersion(int* version) {
  *version = number("FAKE_DRIVER_CUDA", 13000);
  return 0;
}

int cuInit(unsigned flags) {
  (void)flags;
  return number("FAKE_DRIVER_INIT", 0);
}

int cuDeviceGetCount(int* count) {
  *count = number("FAKE_DRIVER_DEVICES", 1);
  return 0;
}

int cuDeviceGet(int* device, int index) {
  *device = index;
  return 0;
}

int cuDeviceGetName(char* name, int length, int device) {
  (void)device;
  strncpy(name, "Fake GPU", length);
  return 0;
}
