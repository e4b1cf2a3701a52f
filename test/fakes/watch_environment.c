// Preloaded by test/native/spins.test.ts: tells on stderr which variables are set or unset.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

int setenv(const char* name, const char* value, int overwrite) {
  fprintf(stderr, "setenv %s\n", name);
  int (*const real)(const char*, const char*, int) = (int (*)(const char*, const char*, int))dlsym(RTLD_NEXT, "setenv");
  return real(name, value, overwrite);
}

int unsetenv(const char* name) {
  fprintf(stderr, "unsetenv %s\n", name);
  int (*const real)(const char*) = (int (*)(const char*))dlsym(RTLD_NEXT, "unsetenv");
  return real(name);
}
