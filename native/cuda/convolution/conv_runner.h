// One convolution as it runs: what its plan wants in another form than the op has it (other dtype, padded channels,
// 16-byte alignment) takes the way through scratch, and what the plan leaves of the epilogue follows.
#pragma once

#include "cuda/convolution/conv_task.h"
#include "cuda/kernel.h"

namespace saturnn::cuda {

// A tensor as rows x channels, as the op has it and as the plan wants it; the larger is filled up with zeros.
struct Staging {
  SnDType given, planned;
  int64_t rows, channels;
  int64_t plannedRows, plannedChannels;

  bool differs() const { return given != planned || rows != plannedRows || channels != plannedChannels; }
  int64_t plannedBytes() const { return plannedRows * plannedChannels * elementBytes(planned); }
  // Both enqueue one kernel or copy.
  void in(const void* from, void* to, cudaStream_t stream) const;
  void out(const void* from, void* to, cudaStream_t stream) const;
};

class ConvRunner {
 public:
  ConvRunner(SnDevice& device, const ConvTask& task, const ConvVariant& variant, ConvPlan plan);

  int64_t scratchBytes() const { return scratchBytes_; }
  // "cudnn:engine4+fused", "cudnn:engine62+saturnn:channelMap", "cudnn:engine67+saturnn:convertRows",
  // "cudnn:engine67+saturnn:channelGradient", "cudnn:engine4+fused+saturnn:channelSum"
  std::string implementation() const;
  const ConvPlan& plan() const { return plan_; }
  const ConvVariant& variant() const { return variant_; }

  // Enqueues. What the pass computes is written: y; x, and the bias of its epilogue; or w. Images: 16-byte aligned.
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
