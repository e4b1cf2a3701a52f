# The ABI version: a hash of every file that says what crosses between the addon and a backend. It is one object file, which
# every library of ours links, so that a change of those files compiles nothing again for its sake.
#
# As a script (-P), with SATURNN_ABI_FILES and SATURNN_ABI_SOURCE, it writes the source of that object.
if(CMAKE_SCRIPT_MODE_FILE)
  set(digests "")
  foreach(file IN LISTS SATURNN_ABI_FILES)
    file(SHA256 "${file}" digest)
    string(APPEND digests "${digest}")
  endforeach()
  string(SHA256 version "${digests}")
  string(SUBSTRING "${version}" 0 8 version)
  file(WRITE "${SATURNN_ABI_SOURCE}" "// Made by cmake/AbiVersion.cmake.
#include \"shared/abi.h\"

const uint32_t saturnn::abiVersion = 0x${version}u;
")
  return()
endif()

# A new family is found, because ops.def must include it.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/native/ops.def")
file(GLOB abi_files "${CMAKE_SOURCE_DIR}/native/ops/*.def")
list(PREPEND abi_files "${CMAKE_SOURCE_DIR}/native/shared/backend.h" "${CMAKE_SOURCE_DIR}/native/ops.def"
  "${CMAKE_SOURCE_DIR}/native/activations.def")
set(abi_source "${CMAKE_BINARY_DIR}/abi_version.cc")
add_custom_command(OUTPUT "${abi_source}" VERBATIM
  COMMAND ${CMAKE_COMMAND} "-DSATURNN_ABI_FILES=${abi_files}" "-DSATURNN_ABI_SOURCE=${abi_source}"
    -P "${CMAKE_CURRENT_LIST_FILE}"
  DEPENDS ${abi_files} "${CMAKE_CURRENT_LIST_FILE}")

add_library(saturnn_abi OBJECT "${abi_source}")
target_include_directories(saturnn_abi PRIVATE "${CMAKE_SOURCE_DIR}/native")
target_compile_features(saturnn_abi PRIVATE cxx_std_17)
set_target_properties(saturnn_abi PROPERTIES
  POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden)
