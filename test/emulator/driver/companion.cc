// Stand-in for the libraries beside cuDNN: its sub-libraries, cuBLASLt and NVRTC. They only load; some have a version.
#include <cstddef>

#define API extern "C" __attribute__((visibility("default")))

API size_t cublasLtGetVersion() { return 130100; }

API int nvrtcVersion(int* newer, int* older) {
  *newer = 13;
  *older = 0;
  return 0;
}
