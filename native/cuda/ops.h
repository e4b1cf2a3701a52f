// The table of ops of this backend, and the functions that make their kernels (one file per op or family).
#pragma once

#include "cuda/kernel.h"

namespace saturnn::cuda {

using CreateKernel = KernelPointer (*)(SnDevice&, const SnOpDesc&, SnKernelInfo&);

struct OpRow {
  SnOpInfo info;  // attribute_bytes 0: none, or of variable length
  int32_t fewestInputs, mostInputs, outputs;
  bool variableAttributes;
  CreateKernel create;
};

extern const OpRow kOps[];
extern const int kOpCount;

// Checks the counts and attribute bytes of `op` against its row, then makes the kernel.
KernelPointer createKernel(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info);

KernelPointer createConv2d(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createConv2dDgrad(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createConv2dDgradActivation(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createConv2dWgrad(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createLinear(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createLinearDgrad(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createLinearWgrad(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createActivation(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createActivationGradient(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createMaxPool(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createMaxPoolGradient(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createAveragePool(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createAveragePoolGradient(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createGlobalAveragePool(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createGlobalAveragePoolGradient(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createSoftmaxCrossEntropy(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createSoftmaxCrossEntropyGradient(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createCountCorrect(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createAugment(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createRandomizedRelu(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createRandomizedReluGradient(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createAdd(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createConcat(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createSlice(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createCopy(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createMoments(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createPack(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createRows(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createFiniteCheck(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createSgd(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createAdam(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createTrustRatios(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createClipFactor(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createAverageWeights(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createUnscale(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createAdjustLossScale(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createAdvance(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createBatchNorm(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createBatchNormInference(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createBatchNormGradient(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createDropout(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createBlend(SnDevice&, const SnOpDesc&, SnKernelInfo&);
KernelPointer createAssign(SnDevice&, const SnOpDesc&, SnKernelInfo&);

}  // namespace saturnn::cuda
