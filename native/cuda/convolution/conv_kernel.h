// The common part of conv.cc and linear.cc: checks of the operands, and the kernels of the three passes.
#pragma once

#include "cuda/convolution/conv_task.h"
#include "cuda/kernel.h"

namespace saturnn::cuda {

// Throws ERR_INVALID_ARGUMENT unless x and y are dense and have one dtype (f32, bf16 or f16), and w is dense and f32
// or, if it is read, has their dtype.
void requireConvOperands(ConvPass pass, const char* xName, const SnTensor& x, const char* wName, const SnTensor& w,
                         const char* yName, const SnTensor& y);

// Makes a task with the options of the op's plan.
ConvTask makeConvTask(const SnOpDesc& op, const ConvProblem& problem, ConvPass pass, SnDType images, SnDType weights);

KernelPointer makeConvForward(SnDevice& device, const SnOpDesc& op, const ConvTask& task, SnKernelInfo& info);
KernelPointer makeConvDgrad(SnDevice& device, const SnOpDesc& op, const ConvTask& task, SnKernelInfo& info);
// `task` must have an epilogue.
KernelPointer makeConvDgradActivation(SnDevice& device, const SnOpDesc& op, const ConvTask& task, SnKernelInfo& info);
// Checks dbias, and computes it if it is present.
KernelPointer makeConvWgrad(SnDevice& device, const SnOpDesc& op, const ConvTask& task, SnKernelInfo& info);

}  // namespace saturnn::cuda
