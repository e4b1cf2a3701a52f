// Small programs that do something wrong, or something delicate, on the emulated GPU. Each says in one line what came
// of it; test/emulator/emulator.test.ts knows what should have.
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

// *value += amount, as a kernel.
void launchAddTo(float* value, float amount, cudaStream_t stream);

// "cudaErrorInvalidValue", or for "cudaErrorLaunchFailure" also what the kernel did.
std::string textOf(cudaError_t status);

}  // namespace emulator_cases
