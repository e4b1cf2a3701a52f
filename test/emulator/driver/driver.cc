// The emulated libcuda.so.1: the functions of the driver that the backend's probe calls.
#include <cstring>

#define API extern "C" __attribute__((visibility("default")))

API int cuInit(unsigned) { return 0; }

API int cuDriverGetVersion(int* version) {
  *version = 13000;
  return 0;
}

API int cuDeviceGetCount(int* count) {
  *count = 1;
  return 0;
}

API int cuDeviceGet(int* device, int index) {
  *device = index;
  return 0;
}

API int cuDeviceGetName(char* name, int length, int) {
  strncpy(name, "Emulated GPU", static_cast<size_t>(length));
  return 0;
}
