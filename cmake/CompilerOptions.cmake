# Warnings, hardening, debug builds and sanitizers: the options that every C++ target of this repository has in common.
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

# saturnn_hardening(<target>): for all that is loaded into a user's process. A buffer overrun ends the process, instead of
# returning to another place (stack protector) or writing past a block whose size is known (_FORTIFY_SOURCE); tables of
# function pointers are read-only once loaded (RELRO with BIND_NOW), and no stack is executable. A sanitizer's own
# checks need the plain functions. _FORTIFY_SOURCE needs optimisation; some distributions' compilers define it.
function(saturnn_hardening target)
  if(saturnn_sanitizer)
    return()
  endif()
  set(always -fstack-protector-strong)
  set(optimised -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  foreach(flag ${always})
    target_compile_options(${target} PRIVATE
      "$<$<COMPILE_LANGUAGE:CXX>:${flag}>" "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${flag}>")
  endforeach()
  foreach(flag ${optimised})
    target_compile_options(${target} PRIVATE
      "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<NOT:$<CONFIG:Debug>>>:${flag}>"
      "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<NOT:$<CONFIG:Debug>>>:-Xcompiler=${flag}>")
  endforeach()
  target_link_options(${target} PRIVATE LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)
endfunction()
