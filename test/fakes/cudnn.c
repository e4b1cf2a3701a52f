// A stand-in for libcudnn.so.9. Like the real one, it ABORTS the process if it is called while a sub-library or cuBLASLt
// is not among the loaded libraries. So a test that ends with an error, and not with SIGABRT, shows that the loader
// checked first.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void demand(const char* library) {
  if (dlopen(library, RTLD_LAZY | RTLD_NOLOAD)) return;
  fprintf(stderr, "fake cuDNN: %s is not loaded: abort\n", library);
  abort();
}

size_t cudnnGetVersion(void) {
  demand("libcudnn_graph.so.9");
  const char* text = getenv("FAKE_CUDNN_VERSION");
  return text ? (size_t)atol(text) : 92400;
}

size_t cudnnGetCudartVersion(void) {
  demand("libcudnn_graph.so.9");
  return 13000;
}

const char* cudnnGetErrorString(int status) {
  (void)status;
  return "CUDNN_STATUS_NOT_INITIALIZED";
}

void cudnnGetLastErrorString(char* message, size_t capacity) {
  if (capacity) message[0] = 0;
}

int cudnnCreate(void** handle) {
  demand("libcudnn_ops.so.9");
  demand("libcudnn_cnn.so.9");
  demand("libcudnn_heuristic.so.9");
  demand("libcudnn_engines_precompiled.so.9");
  demand("libcudnn_engines_runtime_compiled.so.9");
  demand("libcublasLt.so.13");
  *handle = NULL;
  return 1001;  // CUDNN_STATUS_NOT_INITIALIZED: there is no GPU
}

int cudnnDestroy(void* handle) { return handle ? 0 : 2000; }
int cudnnSetStream(void* handle, void* stream) { return handle && stream ? 0 : 2000; }
int cudnnBackendCreateDescriptor(int type, void** descriptor) {
  *descriptor = NULL;
  return type < 0 ? 2000 : 1001;
}
int cudnnBackendDestroyDescriptor(void* descriptor) { return descriptor ? 0 : 2000; }
int cudnnBackendSetAttribute(void) { return 1001; }
int cudnnBackendGetAttribute(void) { return 1001; }
int cudnnBackendFinalize(void) { return 1001; }
int cudnnBackendExecute(void) { return 1001; }
