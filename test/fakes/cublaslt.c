// A stand-in for libcublasLt.so.13: it loads and has a version.
#include <stddef.h>

size_t cublasLtGetVersion(void) { return 130100; }
