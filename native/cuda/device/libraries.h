// Finds and loads the NVIDIA libraries that this backend uses at run time: cuDNN 9 with its sub-libraries, cuBLASLt,
// and NVRTC (optional). Nothing is linked: on a host without them the backend still loads and says what is missing.
//
// cuDNN 9 aborts the process if it cannot load one of its sub-libraries, or cuBLASLt, when it needs it. So all of them
// are loaded here first, by full path and from one folder; only then is a cuDNN function called.
#pragma once

#include <string>
#include <vector>

#include "cuda/cudnn/api.h"

namespace saturnn::cuda {

// The oldest cuDNN that is accepted: the first with DeviceProperties, which allow making plans without a GPU.
constexpr int kOldestCudnnMajor = 9;
constexpr int kOldestCudnnMinor = 8;

struct LibraryReport {
  std::string path;                  // the file that was loaded; empty: none
  std::string version;               // "9.24.0"
  std::vector<std::string> missing;  // files that should lie beside `path`
  std::vector<std::string> tried;    // every path that was looked at, in order
  std::string code;                  // ERR_..., empty: usable
  std::string problem;               // a sentence with the remedy, for the error or for the probe
};

struct Libraries {
  CudnnApi cudnn{};
  LibraryReport cudnnReport;
  LibraryReport cublasLtReport;
  LibraryReport nvrtcReport;  // only plans that are compiled at run time need it
};

// Looks in each folder of `searchPaths` in order, then asks the dynamic loader. Never throws for a missing library.
// Only the first folder that has libcudnn.so.9 is used: if it is incomplete, that is reported.
Libraries loadLibraries(const std::vector<std::string>& searchPaths);

}  // namespace saturnn::cuda
