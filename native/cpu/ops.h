// The op table of the CPU backend: an explicit list, one row per op. To add an op: declare its create function here,
// add its row in ops.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "cpu/kernel.h"

namespace saturnn::cpu {

struct Device;

// Validates the description and makes the kernel, or throws.
using CreateKernel = std::unique_ptr<Kernel>(const SnOpDesc&, Device&);

struct Op {
  const char* name;
  size_t attributeBytes;  // 0: none, or (pack) as many as the op says itself
  int32_t minInputs, maxInputs;  // absent optional tensors count: they are SN_NONE entries
  int32_t outputs;
  CreateKernel* create;
};

extern const Op opTable[];
extern const int32_t opCount;

const Op* findOp(const char* name);

CreateKernel createConv2d, createConv2dDgrad, createConv2dDgradActivation, createConv2dWgrad;
CreateKernel createLinear, createLinearDgrad, createLinearWgrad;
CreateKernel createMaxPool, createMaxPoolGradient;
CreateKernel createAveragePool, createAveragePoolGradient;
CreateKernel createGlobalAveragePool, createGlobalAveragePoolGradient;
CreateKernel createActivation, createActivationGradient;
CreateKernel createSoftmaxCrossEntropy, createSoftmaxCrossEntropyGradient, createCountCorrect;
CreateKernel createAdd, createConcat, createSlice, createCopy;
CreateKernel createRandomizedRelu, createRandomizedReluGradient;
CreateKernel createMoments;
CreateKernel createAugment, createPack, createRows, createFiniteCheck;
CreateKernel createBatchNorm, createBatchNormInference, createBatchNormGradient;
CreateKernel createDropout, createBlend;
CreateKernel createSgd, createAdvance, createAssign;
CreateKernel createUnscale, createAdjustLossScale;
CreateKernel createAdam, createTrustRatios, createClipFactor, createAverageWeights;

}  // namespace saturnn::cpu
