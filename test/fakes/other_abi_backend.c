// A backend library of another release: its ABI version never equals the caller's.
#include <stddef.h>
#include <stdint.h>

const void* saturnn_backend(uint32_t version, uint32_t* own_version) {
  *own_version = version + 1;
  return NULL;
}
