// See conv_runner.h.
#include "cuda/convolution/conv_runner.h"

#include "cuda/device/check.h"
#include "cuda/kernels/activation.h"
#include "cuda/kernels/common/sum_blocks.h"
#include "cuda/kernels/data.h"

namespace saturnn::cuda {
namespace {

constexpr int64_t kAlignment = 256;

int64_t alignUp(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

bool isAligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

SnDType dtypeOf(cudnnDataType_t type) {
  return type == CUDNN_DATA_BFLOAT16 ? SN_BF16 : type == CUDNN_DATA_HALF ? SN_F16 : SN_F32;
}

void move(const void* from, SnDType fromType, int64_t fromRows, int64_t fromChannels, void* to, SnDType toType,
          int64_t toRows, int64_t toChannels, cudaStream_t stream) {
  const ConstRows source{from, fromChannels, fromType};
  const Rows target{to, toChannels, toType};
  if (fromRows != toRows || fromChannels != toChannels) {
    launchFit(source, fromRows, fromChannels, target, toRows, toChannels, stream);
  } else if (fromType != toType) {
    launchConvertRows(source, target, toRows, toChannels, stream);
  } else {
    const int64_t bytes = toRows * toChannels * elementBytes(toType);
    checkCuda(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice, stream),
              "copying the weights of a convolution");
  }
}

}  // namespace

void Staging::in(const void* from, void* to, cudaStream_t stream) const {
  move(from, given, rows, channels, to, planned, plannedRows, plannedChannels, stream);
}

void Staging::out(const void* from, void* to, cudaStream_t stream) const {
  move(from, planned, plannedRows, plannedChannels, to, given, rows, channels, stream);
}

ConvRunner::ConvRunner(SnDevice& device, const ConvTask& task, const ConvVariant& variant, ConvPlan plan)
    : device_(device), task_(task), variant_(variant), plan_(std::move(plan)) {
  const ConvProblem& given = task.problem;
  const ConvProblem& planned = variant.spec.problem;
  const SnDType images = dtypeOf(variant.spec.images);
  const int64_t inputs = given.n * given.h * given.w;
  const int64_t outputs = given.n * given.oh * given.ow;
  const int64_t taps = given.kh * given.kw;
  x_ = {task.images, images, inputs, given.c, inputs, planned.c};
  w_ = {task.weights,    dtypeOf(variant.spec.weights), given.o * taps, given.inputs(), planned.o * taps,
        planned.inputs()};
  y_ = {task.images, images, outputs, given.o, outputs, planned.o};
  workspaceAt_ = reserve(plan_.workspaceBytes());
  xAt_ = reserve(x_.differs() ? x_.plannedBytes() : 0);
  wAt_ = reserve(w_.plannedBytes());  // also for weights, which may be unaligned in the State
  yAt_ = reserve(y_.differs() ? y_.plannedBytes() : 0);
  const bool sums = task.pass == ConvPass::dataGradient && task.epilogue.bias;
  partialsAt_ = reserve(sums ? kSumBlocks * given.c * int64_t{sizeof(float)} : 0);
  scratchBytes_ += kAlignment;  // the scratch of launch() has a smaller alignment
}

int64_t ConvRunner::reserve(int64_t bytes) {
  const int64_t at = scratchBytes_;
  scratchBytes_ += alignUp(bytes);
  return at;
}

std::string ConvRunner::implementation() const {
  std::string name = plan_.name();
  if (task_.pass == ConvPass::dataGradient && !task_.epilogue.isEmpty()) {
    if (!variant_.isFused()) return name + "+saturnn:channelGradient";
    return name + (task_.epilogue.bias ? "+fused+saturnn:channelSum" : "+fused");
  }
  if (variant_.isFused()) return name + "+fused";
  if (w_.given != w_.planned) name += "+saturnn:convertRows";
  if (task_.pass == ConvPass::forward && !task_.epilogue.isEmpty()) name += "+saturnn:channelMap";
  return name;
}

// cuDNN's plans need 16-byte alignment. Images have it; weights and their gradient may be anywhere in the State's
// arena.
void* ConvRunner::stageIn(const Staging& staging, void* given, void* reserved) const {
  if (!staging.differs() && isAligned(given)) return given;
  staging.in(given, reserved, device_.stream());
  return reserved;
}

void ConvRunner::run(const ConvPointers& given, void* scratch) {
  if (!isAligned(given.x) || !isAligned(given.y) || !isAligned(given.activated)) {
    throw Error("ERR_INTERNAL", "an image of a convolution is not 16-byte aligned");
  }
  const auto address = reinterpret_cast<int64_t>(scratch);
  char* start = static_cast<char*>(scratch) + (alignUp(address) - address);
  float* bias = variant_.spec.epilogue.bias ? given.bias : nullptr;
  ConvPointers planned{start + xAt_, start + wAt_, start + yAt_, bias, given.activated};
  switch (task_.pass) {
    case ConvPass::forward:
      planned.x = stageIn(x_, given.x, planned.x);
      planned.w = stageIn(w_, given.w, planned.w);
      if (!y_.differs()) planned.y = given.y;
      plan_.execute(device_.cudnn(), planned, start + workspaceAt_);
      if (!variant_.isFused()) finishForward(planned.y, given.bias, given.y);
      return;
    case ConvPass::dataGradient:
      planned.y = stageIn(y_, given.y, planned.y);
      planned.w = stageIn(w_, given.w, planned.w);
      if (!x_.differs()) planned.x = given.x;
      plan_.execute(device_.cudnn(), planned, start + workspaceAt_);
      finishDataGradient(planned.x, given, start + partialsAt_);
      return;
    case ConvPass::weightGradient:
      planned.x = stageIn(x_, given.x, planned.x);
      planned.y = stageIn(y_, given.y, planned.y);
      if (!w_.differs() && isAligned(given.w)) planned.w = given.w;
      plan_.execute(device_.cudnn(), planned, start + workspaceAt_);
      if (planned.w != given.w) w_.out(planned.w, given.w, device_.stream());
      return;
  }
}

// Adds the bias, applies the activation and removes padded channels in one pass.
void ConvRunner::finishForward(const void* planned, const float* bias, void* y) const {
  if (planned == y && task_.epilogue.isEmpty()) return;
  launchChannelMap(task_.epilogue.activation, task_.epilogue.slope, {planned, y_.plannedChannels, y_.planned}, bias,
                   {y, y_.channels, y_.given}, y_.rows, y_.channels, device_.stream());
}

// Like finishForward: the derivative, the sums and the removal of padding in one pass. After a fused plan only the sums
// are still to be computed.
void ConvRunner::finishDataGradient(const void* planned, const ConvPointers& given, void* partials) const {
  const ConvEpilogue& epilogue = task_.epilogue;
  const ConstRows source{planned, x_.plannedChannels, x_.planned};
  const bool isDone = variant_.isFused();
  if (epilogue.isEmpty()) {
    if (planned != given.x) x_.out(planned, given.x, device_.stream());
  } else {
    launchChannelGradient(isDone ? SN_NO_ACTIVATION : epilogue.activation, epilogue.slope, source,
                          {given.activated, x_.channels, x_.given}, {isDone ? nullptr : given.x, x_.channels, x_.given},
                          given.bias, static_cast<float*>(partials), x_.rows, x_.channels, device_.stream());
  }
}

}  // namespace saturnn::cuda
