# Finds oneDNN and refuses a version that the CPU backend was not written for: 3.x changed the API, and before 2.6 the
# fused activations are missing. Another installation than the system's: -DDNNL_ROOT=DIR.
find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.hpp NO_CACHE HINTS ${DNNL_ROOT} ENV DNNL_ROOT PATH_SUFFIXES include)
find_library(DNNL_LIBRARY dnnl NO_CACHE HINTS ${DNNL_ROOT} ENV DNNL_ROOT PATH_SUFFIXES lib)
if(NOT DNNL_INCLUDE_DIR OR NOT DNNL_LIBRARY)
  message(FATAL_ERROR "oneDNN was not found (headers: ${DNNL_INCLUDE_DIR}, library: ${DNNL_LIBRARY}). "
    "Install it with `apt-get install libdnnl-dev`, or name its folder with -DDNNL_ROOT=DIR.")
endif()

file(STRINGS "${DNNL_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h" lines REGEX "#define DNNL_VERSION_(MAJOR|MINOR|PATCH)")
string(REGEX REPLACE "[^0-9;]" "" numbers "${lines}")
list(JOIN numbers "." dnnl_version)
if(dnnl_version VERSION_LESS 2.6 OR dnnl_version VERSION_GREATER_EQUAL 3)
  message(FATAL_ERROR "oneDNN ${dnnl_version} (${DNNL_INCLUDE_DIR}) is not supported: saturnn needs at least 2.6 and less than 3. "
    "Debian 12's libdnnl-dev is 2.6.3; name another installation with -DDNNL_ROOT=DIR.")
endif()
message(STATUS "CPU backend: oneDNN ${dnnl_version} (${DNNL_LIBRARY})")

add_library(saturnn::dnnl INTERFACE IMPORTED)
target_include_directories(saturnn::dnnl SYSTEM INTERFACE "${DNNL_INCLUDE_DIR}")
target_link_libraries(saturnn::dnnl INTERFACE "${DNNL_LIBRARY}")
