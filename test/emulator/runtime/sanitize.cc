// The functions that code compiled with -fsanitize=alignment,bounds calls. Kernels are compiled with it, but without the
// sanitizer's library: a 16-byte access at the wrong address, or an index beyond an array in shared memory or
// registers, ends the kernel with an error that names the place.
#include <cstdint>
#include <string>

#include "executor.h"

namespace {

struct Location {
  const char* file;
  uint32_t line, column;
};

struct Type {
  uint16_t kind, info;
  char name[1];
};

struct Mismatch {
  Location location;
  const Type* type;
  unsigned char alignmentLog;
  unsigned char kind;
};

struct OutOfBounds {
  Location location;
  const Type* array;
  const Type* index;
};

std::string text(const Location& location) {
  const std::string file = location.file ? location.file : "?";
  const size_t slash = file.rfind('/');
  return (slash == std::string::npos ? file : file.substr(slash + 1)) + ":" + std::to_string(location.line);
}

}  // namespace

extern "C" {

EMULATOR_API void __ubsan_handle_type_mismatch_v1(Mismatch* data, uintptr_t pointer) {
  const unsigned alignment = 1u << data->alignmentLog;
  emulator::fail("an access to " + std::string(data->type->name) + " at an address that is " +
                 std::to_string(pointer % alignment) + " bytes beyond a multiple of " + std::to_string(alignment) +
                 ", in " + text(data->location));
}

EMULATOR_API void __ubsan_handle_out_of_bounds(OutOfBounds* data, uintptr_t index) {
  emulator::fail("index " + std::to_string(static_cast<intptr_t>(index)) + " of " + data->array->name + ", in " +
                 text(data->location));
}

}  // extern "C"
