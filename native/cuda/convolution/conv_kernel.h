// What conv.cc and linear.cc share: checks of the operands, and the kernels of the three passes.
#pragma once

#include "cuda/convolution/conv_task.h"
#include "cuda/kernel.h"

namespace saturnn::cuda {

// Throws ERR_INVALID_ARGUMENT unless x and y are dense and of one dtype (f32, bf16 or f16), and w is dense and f32 or,
// where it is read, of theirs.
void requireConvOperands(ConvPass pass, const char* xName, const SnTensor& x, const char* wName, const SnTensor& w,
                         const char* yName, const SnTensor& y);

// With the options of the op's plan.
ConvTask makeConvTask(const SnOpDesc& op, const ConvProblem& problem, ConvPass pass, SnDType images, SnDType weights);

KernelPointer makeConvForward(SnDevice& device, const SnOpDesc& op, const ConvTask& task, SnKernelInfo& info);
KernelPointer makeConvDgrad(SnDevice& device, const SnOpDesc& op, const ConvTask& task, SnKernelInfo& info);
// The task has an epilogue.
KernelPointer makeConvDgradActivation(SnDevice& device, const SnOpDesc& op, const ConvTask& task, SnKernelInfo& info);
// Checks dbias, and sums it if it is there.
KernelPointer makeConvWgrad(SnDevice& device, const SnOpDesc& op, const ConvTask& task, SnKernelInfo& info);

}  // namespace saturnn::cuda
