// Runs one convolution: operands that the plan needs in another form than the op's tensors (another dtype, padded
// channels, 16-byte alignment) are copied through scratch, and the part of the epilogue that is not fused follows.
#pragma once

#include "cuda/convolution/conv_task.h"
#include "cuda/kernel.h"

namespace saturnn::cuda {

// A tensor as rows x channels, in the op's form and in the plan's; the larger is padded with zeros.
struct Staging {
  SnDType given, planned;
  int64_t rows, channels;
  int64_t plannedRows, plannedChannels;

  bool differs() const { return given != planned || rows != plannedRows || channels != plannedChannels; }
  int64_t plannedBytes() const { return plannedRows * plannedChannels * elementBytes(planned); }
  // Each enqueues one kernel or copy.
  void in(const void* from, void* to, cudaStream_t stream) const;
  void out(const void* from, void* to, cudaStream_t stream) const;
};

class ConvRunner {
 public:
  ConvRunner(SnDevice& device, const ConvTask& task, const ConvVariant& variant, ConvPlan plan);

  int64_t scratchBytes() const { return scratchBytes_; }
  // Returns the names of the kernels, such as "cudnn:engine4+fused", "cudnn:engine62+saturnn:channelMap",
  // "cudnn:engine67+saturnn:channelGradient" or "cudnn:engine4+fused+saturnn:channelSum".
  std::string implementation() const;
  const ConvPlan& plan() const { return plan_; }
  const ConvVariant& variant() const { return variant_; }

  // Enqueues the pass, which writes y; x, and the bias of its epilogue; or w. Images must be 16-byte aligned.
  void run(const ConvPointers& given, void* scratch);

 private:
  int64_t reserve(int64_t bytes);
  void finishForward(const void* planned, const float* bias, void* y) const;
  void finishDataGradient(const void* planned, const ConvPointers& given, void* partials) const;
  void* stageIn(const Staging& staging, void* given, void* reserved) const;

  SnDevice& device_;
  ConvTask task_;
  ConvVariant variant_;
  ConvPlan plan_;
  Staging x_, w_, y_;
  int64_t scratchBytes_ = 0;
  int64_t workspaceAt_, xAt_, wAt_, yAt_, partialsAt_;
};

}  // namespace saturnn::cuda
