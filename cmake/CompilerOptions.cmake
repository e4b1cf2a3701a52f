# Warnings, debug builds and sanitizers: the options that every C++ target of this repository has in common.
option(SATURNN_WERROR "Warnings are errors: ON in CI; OFF for users, whose compiler may have warnings that ours has not" OFF)
set(SATURNN_SANITIZE "" CACHE STRING "Sanitizer to compile in: address (with undefined behaviour), thread, or nothing")
set_property(CACHE SATURNN_SANITIZE PROPERTY STRINGS "" address thread)

set(saturnn_warnings -Wall -Wextra
  $<$<CXX_COMPILER_ID:Clang>:-Wno-unknown-pragmas>)  # GCC ivdep, before vector loops
if(SATURNN_WERROR)
  list(APPEND saturnn_warnings -Werror)
endif()

if(SATURNN_SANITIZE STREQUAL "address")
  set(saturnn_sanitizer -fsanitize=address,undefined)
elseif(SATURNN_SANITIZE STREQUAL "thread")
  set(saturnn_sanitizer -fsanitize=thread)
elseif(SATURNN_SANITIZE)
  message(FATAL_ERROR "Expected address, thread or nothing for SATURNN_SANITIZE but received ${SATURNN_SANITIZE}")
endif()
if(saturnn_sanitizer)
  # Checks of libstdc++'s containers find what a sanitizer cannot: an index beyond the size, but within the capacity.
  set(saturnn_sanitizer_compile ${saturnn_sanitizer} -O1 -fno-omit-frame-pointer -g1 -D_GLIBCXX_ASSERTIONS)
endif()

# saturnn_compiler_options(<target>): `-O0 -g3` in a debug build lets a debugger show every variable and macro. The vector
# loops of the CPU backend keep their own -O3: they would compute other last digits without contraction to FMA.
function(saturnn_compiler_options target)
  target_compile_options(${target} PRIVATE
    "$<$<COMPILE_LANGUAGE:CXX>:${saturnn_warnings}>"
    "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CONFIG:Debug>>:-O0;-g3;-D_GLIBCXX_ASSERTIONS>"
    "$<$<COMPILE_LANGUAGE:CXX>:${saturnn_sanitizer_compile}>")
  target_link_options(${target} PRIVATE ${saturnn_sanitizer})
endfunction()
