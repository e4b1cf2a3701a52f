# Decides whether the CUDA backend is built (SATURNN_WITH_CUDA), enables the language, and finds cuDNN's headers.
# cuDNN is never linked: the backend opens it at run time, so its headers are all that is needed here.
set(SATURNN_WITH_CUDA OFF)
set(missing "")

if(SATURNN_CUDA STREQUAL OFF)
  message(STATUS "CUDA backend: left out (SATURNN_CUDA=OFF)")
  return()
endif()

include(CheckLanguage)
if(NOT CMAKE_CUDA_COMPILER)
  unset(CMAKE_CUDA_COMPILER CACHE)  # "not found" is remembered otherwise, also after nvcc was installed
  find_program(SATURNN_NVCC nvcc NO_CACHE HINTS ENV CUDACXX ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
  if(SATURNN_NVCC AND NOT DEFINED ENV{CUDACXX})
    set(ENV{CUDACXX} "${SATURNN_NVCC}")
  endif()
endif()
set(CMAKE_CUDA_ARCHITECTURES "${SATURNN_CUDA_ARCHITECTURES}")
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  list(APPEND missing "nvcc (looked in PATH, CUDACXX, CUDA_PATH, /usr/local/cuda)")
endif()

if(DEFINED ENV{XDG_CACHE_HOME})
  set(cudnn_cache "$ENV{XDG_CACHE_HOME}/saturnn/cudnn")
else()
  set(cudnn_cache "$ENV{HOME}/.cache/saturnn/cudnn")
endif()
find_path(CUDNN_INCLUDE_DIR cudnn_backend.h NO_CACHE
  HINTS ${CUDNN_ROOT} ENV CUDNN_ROOT ENV CUDNN_PATH
  PATHS "${cudnn_cache}" /usr/local/cuda
  PATH_SUFFIXES include nvidia/cudnn/include)
if(NOT CUDNN_INCLUDE_DIR)
  list(APPEND missing "cuDNN's headers (looked for cudnn_backend.h in CUDNN_ROOT, CUDNN_PATH, ${cudnn_cache}, system folders. pip's nvidia-cudnn-cu13 has them; `npm run setup:cuda` fetches it in a clone)")
endif()

if(missing)
  list(JOIN missing " and " missing)
  if(SATURNN_CUDA STREQUAL ON)
    message(FATAL_ERROR "CUDA backend: SATURNN_CUDA=ON, but these were not found: ${missing}")
  endif()
  message(STATUS "CUDA backend: left out, these were not found: ${missing}")
  return()
endif()

enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)
set(SATURNN_WITH_CUDA ON)
message(STATUS "CUDA backend: nvcc ${CMAKE_CUDA_COMPILER_VERSION}, architectures ${CMAKE_CUDA_ARCHITECTURES}, cuDNN's headers in ${CUDNN_INCLUDE_DIR}")

add_library(saturnn::cudnn_headers INTERFACE IMPORTED)
target_include_directories(saturnn::cudnn_headers SYSTEM INTERFACE "${CUDNN_INCLUDE_DIR}")
