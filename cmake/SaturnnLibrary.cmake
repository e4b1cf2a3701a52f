# What every shared library of ours has in common: C++17, warnings, hardening, one exported interface, found beside its neighbours.

# saturnn_library(<target> <sources...>): `exports.map` in the caller's folder lists the symbols that it exports.
function(saturnn_library target)
  add_library(${target} MODULE ${ARGN})
  target_include_directories(${target} PRIVATE "${CMAKE_SOURCE_DIR}/native")
  target_compile_features(${target} PRIVATE cxx_std_17)
  target_link_libraries(${target} PRIVATE saturnn_abi)
  saturnn_compiler_options(${target})
  saturnn_hardening(${target})
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    CUDA_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY "${SATURNN_OUT}"
    BUILD_WITH_INSTALL_RPATH ON
    INSTALL_RPATH "$ORIGIN"
    INSTALL_RPATH_USE_LINK_PATH ON)
  set(map "${CMAKE_CURRENT_SOURCE_DIR}/exports.map")
  target_link_options(${target} PRIVATE "LINKER:--version-script=${map}" LINKER:--as-needed)
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${map}")
endfunction()
