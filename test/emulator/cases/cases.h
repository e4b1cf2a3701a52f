// Small programs that do something wrong, or unusual, on the emulated GPU. Each prints its outcome as one line, which
// test/emulator/emulator.test.ts compares with the expected one.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <string>

namespace emulator_cases {

struct Case {
  const char* name;
  std::string (*run)();
};

extern const Case kKernelCases[];
extern const size_t kKernelCaseCount;
extern const Case kRuntimeCases[];
extern const size_t kRuntimeCaseCount;
extern const Case kCudnnCases[];
extern const size_t kCudnnCaseCount;

// Launches a kernel that computes *value += amount.
void launchAddTo(float* value, float amount, cudaStream_t stream);

// Returns the name of an error such as "cudaErrorInvalidValue"; for "cudaErrorLaunchFailure" also what the kernel did.
std::string textOf(cudaError_t status);

}  // namespace emulator_cases
