// emulator_cases NAME: runs one case and prints its outcome.
#include <cstring>
#include <iostream>

#include "cases.h"

using namespace emulator_cases;

std::string emulator_cases::textOf(cudaError_t status) {
  const std::string name = cudaGetErrorName(status);
  const bool hasText = status == cudaErrorLaunchFailure || status == cudaErrorInvalidConfiguration;
  return hasText ? name + ": " + cudaGetErrorString(status) : name;
}

namespace {

bool runFrom(const Case* cases, size_t count, const char* name) {
  for (size_t i = 0; i < count; ++i) {
    if (strcmp(cases[i].name, name) != 0) continue;
    std::cout << cases[i].run() << "\n";
    return true;
  }
  return false;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const char* name = arguments[1];
  return runFrom(kKernelCases, kKernelCaseCount, name) || runFrom(kRuntimeCases, kRuntimeCaseCount, name) ||
                 runFrom(kCudnnCases, kCudnnCaseCount, name)
             ? 0
             : 2;
}
