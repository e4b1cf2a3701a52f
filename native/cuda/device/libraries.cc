// The search for cuDNN, cuBLASLt and NVRTC. See libraries.h for why everything is loaded before anything is called.
#include "cuda/device/libraries.h"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>

namespace saturnn::cuda {
namespace {

constexpr const char* kCudnn = "libcudnn.so.9";

// In the order of their dependencies. cudnn_adv (attention, RNN) is not used here, but a cuDNN without it is an
// incomplete installation, which aborts without a message.
constexpr const char* kSubLibraries[] = {
    "libcudnn_graph.so.9",
    "libcudnn_ops.so.9",
    "libcudnn_cnn.so.9",
    "libcudnn_adv.so.9",
    "libcudnn_heuristic.so.9",
    "libcudnn_engines_precompiled.so.9",
    "libcudnn_engines_runtime_compiled.so.9",
};

// Sub-libraries of newer releases. It is not documented in which minor release each is new, so they are loaded if they
// are present, and required only from the release in which they were first seen.
constexpr const char* kNewerSubLibraries[] = {"libcudnn_ext.so.9", "libcudnn_engines_tensor_ir.so.9"};
constexpr size_t kNewerSubLibrariesSince = 92400;

constexpr const char* kPipCudnn =
    "pip install --no-deps --target DIR nvidia-cudnn-cu13 nvidia-cublas nvidia-cuda-nvrtc";

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

// 92400 -> "9.24.0"
std::string versionText(size_t version) {
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

std::string loaderError() {
  const char* text = dlerror();
  return text ? text : "no reason given";
}

std::string folderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::string realPath(const std::string& path) {
  char buffer[PATH_MAX];
  return realpath(path.c_str(), buffer) ? std::string(buffer) : path;
}

void* open(const std::string& path) { return dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL); }

std::string pathOf(void* library) {
  struct link_map* map = nullptr;
  return dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map ? realPath(map->l_name) : std::string();
}

// Finds the file `name` in the first folder that has it, or else through the dynamic loader. If a file is there but
// does not load, the search ends and `loadError` gets the loader's text.
void* openFirst(const std::vector<std::string>& folders, const std::string& name, LibraryReport& report,
                std::string& loadError) {
  for (const std::string& folder : folders) {
    const std::string path = realPath(folder) + "/" + name;
    if (std::find(report.tried.begin(), report.tried.end(), path) != report.tried.end()) continue;
    report.tried.push_back(path);
    if (!exists(path)) continue;
    if (void* library = open(path)) {
      report.path = path;
      return library;
    }
    loadError = loaderError();
    return nullptr;
  }
  report.tried.push_back(name + " (dynamic loader)");
  void* library = open(name);
  if (library) report.path = pathOf(library);
  return library;
}

void* loadCudnn(const std::vector<std::string>& searchPaths, LibraryReport& report) {
  std::string loadError;
  void* library = openFirst(searchPaths, kCudnn, report, loadError);
  if (!library) {
    report.code = "ERR_CUDNN_NOT_FOUND";
    report.problem = "cuDNN 9 (" + std::string(kCudnn) + ") was not found";
    if (!loadError.empty()) report.problem = report.tried.back() + " does not load: " + loadError;
    report.problem +=
        ". Tried: " + join(report.tried) + ". Install it (for example " + kPipCudnn + ") and set CUDNN_PATH to DIR.";
  }
  return library;
}

// Loads one sub-library by full path, and records if it is missing or does not load.
void loadBeside(const std::string& folder, const char* name, bool required, LibraryReport& report) {
  const std::string path = folder + "/" + name;
  if (!exists(path)) {
    if (required) report.missing.push_back(path);
  } else if (!open(path)) {
    report.missing.push_back(path + " (" + loaderError() + ")");
  }
}

void failIfIncomplete(LibraryReport& report) {
  if (report.missing.empty()) return;
  report.code = "ERR_CUDNN_INCOMPLETE";
  report.problem = "cuDNN at " + report.path + " is incomplete; missing: " + join(report.missing) +
                   ". Reinstall cuDNN so that all its libraries lie in one folder (for example " + kPipCudnn + ").";
}

template <class Function>
void resolve(void* library, const char* name, Function& function, LibraryReport& report) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (!function) report.missing.push_back(std::string(name) + "()");
}

void resolveAll(void* library, CudnnApi& api, LibraryReport& report) {
  resolve(library, "cudnnGetVersion", api.getVersion, report);
  resolve(library, "cudnnGetCudartVersion", api.getCudartVersion, report);
  resolve(library, "cudnnGetErrorString", api.getErrorString, report);
  resolve(library, "cudnnGetLastErrorString", api.getLastErrorString, report);
  resolve(library, "cudnnCreate", api.create, report);
  resolve(library, "cudnnDestroy", api.destroy, report);
  resolve(library, "cudnnSetStream", api.setStream, report);
  resolve(library, "cudnnBackendCreateDescriptor", api.createDescriptor, report);
  resolve(library, "cudnnBackendDestroyDescriptor", api.destroyDescriptor, report);
  resolve(library, "cudnnBackendSetAttribute", api.setAttribute, report);
  resolve(library, "cudnnBackendGetAttribute", api.getAttribute, report);
  resolve(library, "cudnnBackendFinalize", api.finalize, report);
  resolve(library, "cudnnBackendExecute", api.execute, report);
}

void loadCudnnCompletely(const std::vector<std::string>& searchPaths, Libraries& libraries) {
  LibraryReport& report = libraries.cudnnReport;
  void* library = loadCudnn(searchPaths, report);
  if (!library) return;
  const std::string folder = folderOf(report.path);
  for (const char* name : kSubLibraries) loadBeside(folder, name, true, report);
  resolveAll(library, libraries.cudnn, report);
  failIfIncomplete(report);
  if (!report.code.empty()) return;

  const size_t version = libraries.cudnn.getVersion();
  report.version = versionText(version);
  if (version < kOldestCudnnMajor * 10000 + kOldestCudnnMinor * 100) {
    report.code = "ERR_CUDNN_NOT_FOUND";
    report.problem = "cuDNN " + report.version + " at " + report.path + " is too old; " +
                     std::to_string(kOldestCudnnMajor) + "." + std::to_string(kOldestCudnnMinor) +
                     " or newer is needed. Install a newer one (for example " + kPipCudnn +
                     ") and set CUDNN_PATH to DIR.";
    return;
  }
  for (const char* name : kNewerSubLibraries) loadBeside(folder, name, version >= kNewerSubLibrariesSince, report);
  failIfIncomplete(report);
}

// Returns the folders of a cuDNN's companions: its own, the search paths, and those of NVIDIA's pip packages.
std::vector<std::string> companionFolders(const std::vector<std::string>& searchPaths, const LibraryReport& cudnn) {
  std::vector<std::string> folders = searchPaths;
  if (cudnn.path.empty()) return folders;
  const std::string folder = folderOf(cudnn.path);
  folders.insert(folders.begin(), folder);
  for (const char* part : {"cu13", "cublas", "cuda_nvrtc"}) folders.push_back(folder + "/../../" + part + "/lib");
  return folders;
}

void loadCublasLt(const std::vector<std::string>& folders, const std::string& major, LibraryReport& report) {
  const std::string name = "libcublasLt.so." + major;
  std::string loadError;
  void* library = openFirst(folders, name, report, loadError);
  if (!library) {
    report.code = "ERR_CUBLASLT_NOT_FOUND";
    report.problem = "cuBLASLt (" + name + "), which cuDNN needs, was not found";
    if (!loadError.empty()) report.problem = report.tried.back() + " does not load: " + loadError;
    report.problem +=
        ". Tried: " + join(report.tried) +
        ". Install it for the python3 on PATH (pip install nvidia-cublas), or into the folder that CUDNN_PATH names "
        "(pip install --no-deps --target DIR nvidia-cublas).";
    return;
  }
  if (auto version = reinterpret_cast<size_t (*)()>(dlsym(library, "cublasLtGetVersion"))) {
    report.version = versionText(version());
  }
}

void loadNvrtc(const std::vector<std::string>& folders, const std::string& major, LibraryReport& report) {
  const std::string name = "libnvrtc.so." + major;
  std::string loadError;
  void* library = openFirst(folders, name, report, loadError);
  if (!library) {
    report.problem = "NVRTC (" + name + ") was not found: convolutions are not fused at run time" +
                     (loadError.empty() ? "" : " (" + loadError + ")");
    return;
  }
  int newer = 0, older = 0;
  auto version = reinterpret_cast<int (*)(int*, int*)>(dlsym(library, "nvrtcVersion"));
  if (version && version(&newer, &older) == 0) report.version = std::to_string(newer) + "." + std::to_string(older);
}

}  // namespace

Libraries loadLibraries(const std::vector<std::string>& searchPaths) {
  Libraries libraries;
  loadCudnnCompletely(searchPaths, libraries);
  const std::vector<std::string> folders = companionFolders(searchPaths, libraries.cudnnReport);
  // cuDNN needs the cuBLASLt and NVRTC of the CUDA release that it was built with.
  const bool usable = libraries.cudnnReport.code.empty();
  const std::string major = std::to_string(usable ? libraries.cudnn.getCudartVersion() / 1000 : 13);
  loadCublasLt(folders, major, libraries.cublasLtReport);
  loadNvrtc(folders, major, libraries.nvrtcReport);
  return libraries;
}

}  // namespace saturnn::cuda
