// The cuDNN functions that this backend calls, as pointers: they are found with dlsym, never linked.
#pragma once

#include <cudnn_backend.h>  // not <cudnn_graph.h>, whose name one of our headers has

namespace saturnn::cuda {

struct CudnnApi {
  decltype(&cudnnGetVersion) getVersion;
  decltype(&cudnnGetCudartVersion) getCudartVersion;
  decltype(&cudnnGetErrorString) getErrorString;
  decltype(&cudnnGetLastErrorString) getLastErrorString;
  decltype(&cudnnCreate) create;
  decltype(&cudnnDestroy) destroy;
  decltype(&cudnnSetStream) setStream;
  decltype(&cudnnBackendCreateDescriptor) createDescriptor;
  decltype(&cudnnBackendDestroyDescriptor) destroyDescriptor;
  decltype(&cudnnBackendSetAttribute) setAttribute;
  decltype(&cudnnBackendGetAttribute) getAttribute;
  decltype(&cudnnBackendFinalize) finalize;
  decltype(&cudnnBackendExecute) execute;
};

}  // namespace saturnn::cuda
