// What else lies beside a cuDNN: its sub-libraries, cuBLASLt and NVRTC. They have to load, and some have a version.
#include <cstddef>

#define API extern "C" __attribute__((visibility("default")))

API size_t cublasLtGetVersion() { return 130100; }

API int nvrtcVersion(int* newer, int* older) {
  *newer = 13;
  *older = 0;
  return 0;
}
