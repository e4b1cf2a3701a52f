// The op table, and the checks that every op shares.
#include "cuda/kernels/channels.h"
#include "cuda/ops.h"

#include <climits>

#include "shared/error.h"

namespace saturnn::cuda {

const OpRow kOps[] = {
    {{"conv2d", sizeof(SnConvAttributes)}, 3, 3, 1, false, createConv2d},
    {{"conv2dDgrad", sizeof(SnConvAttributes)}, 2, 2, 1, false, createConv2dDgrad},
    {{"conv2dDgradActivation", sizeof(SnConvAttributes)}, 3, 3, 2, false, createConv2dDgradActivation},
    {{"conv2dWgrad", sizeof(SnConvAttributes)}, 2, 2, 2, false, createConv2dWgrad},
    {{"linear", 0}, 3, 3, 1, false, createLinear},
    {{"linearDgrad", 0}, 2, 2, 1, false, createLinearDgrad},
    {{"linearWgrad", 0}, 2, 2, 2, false, createLinearWgrad},
    {{"activation", sizeof(SnActivationAttributes)}, 2, 2, 1, false, createActivation},
    {{"activationGradient", sizeof(SnActivationAttributes)}, 2, 2, 2, false, createActivationGradient},
    {{"maxPool", sizeof(SnPoolAttributes)}, 1, 1, 2, false, createMaxPool},
    {{"maxPoolGradient", sizeof(SnPoolAttributes)}, 2, 2, 1, false, createMaxPoolGradient},
    {{"averagePool", sizeof(SnPoolAttributes)}, 1, 1, 1, false, createAveragePool},
    {{"averagePoolGradient", sizeof(SnPoolAttributes)}, 1, 1, 1, false, createAveragePoolGradient},
    {{"globalAveragePool", 0}, 1, 1, 1, false, createGlobalAveragePool},
    {{"globalAveragePoolGradient", 0}, 1, 1, 1, false, createGlobalAveragePoolGradient},
    {{"softmaxCrossEntropy", sizeof(SnLossAttributes)}, 2, 2, 2, false, createSoftmaxCrossEntropy},
    {{"softmaxCrossEntropyGradient", sizeof(SnLossAttributes)}, 3, 3, 1, false, createSoftmaxCrossEntropyGradient},
    {{"countCorrect", sizeof(SnCountCorrectAttributes)}, 2, 2, 1, false, createCountCorrect},
    {{"augment", sizeof(SnAugmentAttributes)}, 5, 5, 1, false, createAugment},
    {{"randomizedRelu", sizeof(SnRandomizedReluAttributes)}, 3, 3, 1, false, createRandomizedRelu},
    {{"randomizedReluGradient", sizeof(SnRandomizedReluAttributes)}, 3, 3, 2, false, createRandomizedReluGradient},
    {{"add", 0}, 2, kMostAddends, 1, false, createAdd},
    {{"concat", 0}, 1, INT_MAX, 1, false, createConcat},
    {{"slice", sizeof(SnSliceAttributes)}, 1, 1, 1, false, createSlice},
    {{"copy", 0}, 1, 1, 1, false, createCopy},
    {{"moments", 0}, 1, 1, 1, false, createMoments},
    {{"pack", 0}, 1, INT_MAX, 1, true, createPack},
    {{"rows", sizeof(int32_t)}, 1, 1, 1, false, createRows},
    {{"finiteCheck", 0}, 2, 2, 2, false, createFiniteCheck},
    {{"sgd", sizeof(SnSgdAttributes)}, 9, 9, 0, false, createSgd},
    {{"adam", sizeof(SnAdamAttributes)}, 11, 11, 0, false, createAdam},
    {{"trustRatios", sizeof(SnTrustAttributes)}, 6, 6, 1, false, createTrustRatios},
    {{"clipFactor", sizeof(SnClipAttributes)}, 1, 1, 1, false, createClipFactor},
    {{"averageWeights", sizeof(SnAverageAttributes)}, 4, 4, 0, false, createAverageWeights},
    {{"unscale", sizeof(SnClipAttributes)}, 4, 4, 3, false, createUnscale},
    {{"adjustLossScale", sizeof(SnLossScaleAttributes)}, 4, 4, 0, false, createAdjustLossScale},
    {{"advance", 0}, 2, 2, 0, false, createAdvance},
    {{"batchNorm", sizeof(SnBatchNormAttributes)}, 3, 3, 3, false, createBatchNorm},
    {{"batchNormInference", sizeof(SnBatchNormAttributes)}, 5, 5, 1, false, createBatchNormInference},
    {{"batchNormGradient", sizeof(SnBatchNormGradientAttributes)}, 5, 5, 3, false, createBatchNormGradient},
    {{"dropout", sizeof(SnDropoutAttributes)}, 2, 2, 1, false, createDropout},
    {{"blend", sizeof(SnBlendAttributes)}, 2, 2, 1, false, createBlend},
    {{"assign", 0}, 3, 3, 0, false, createAssign},
};
const int kOpCount = sizeof kOps / sizeof kOps[0];

KernelPointer createKernel(SnDevice& device, const SnOpDesc& op, SnKernelInfo& info) {
  const OpRow* row = nullptr;
  for (const OpRow& candidate : kOps) {
    if (std::strcmp(candidate.info.name, op.name) == 0) row = &candidate;
  }
  if (!row) throw Error("ERR_UNSUPPORTED", std::string("the CUDA backend has no kernel for op ") + op.name);
  if (!row->variableAttributes && op.attribute_bytes != row->info.attribute_bytes) {
    refuse(op, "its attributes", std::to_string(row->info.attribute_bytes) + " bytes",
           std::to_string(op.attribute_bytes));
  }
  if (op.input_count < row->fewestInputs || op.input_count > row->mostInputs) {
    refuse(op, "the number of inputs",
           "at least " + std::to_string(row->fewestInputs) + " and at most " + std::to_string(row->mostInputs),
           std::to_string(op.input_count));
  }
  if (op.output_count != row->outputs) {
    refuse(op, "the number of outputs", std::to_string(row->outputs), std::to_string(op.output_count));
  }
  return row->create(device, op, info);
}

}  // namespace saturnn::cuda
