#include "cpu/ops.h"

#include <cstring>

namespace saturnn::cpu {

// attribute bytes; inputs, least and most; outputs
const Op opTable[] = {
    {"conv2d", sizeof(SnConvAttributes), 3, 3, 1, createConv2d},
    {"conv2dDgrad", sizeof(SnConvAttributes), 2, 2, 1, createConv2dDgrad},
    {"conv2dDgradActivation", sizeof(SnConvAttributes), 3, 3, 2, createConv2dDgradActivation},
    {"conv2dWgrad", sizeof(SnConvAttributes), 2, 2, 2, createConv2dWgrad},
    {"linear", 0, 3, 3, 1, createLinear},
    {"linearDgrad", 0, 2, 2, 1, createLinearDgrad},
    {"linearWgrad", 0, 2, 2, 2, createLinearWgrad},
    {"maxPool", sizeof(SnPoolAttributes), 1, 1, 2, createMaxPool},
    {"maxPoolGradient", sizeof(SnPoolAttributes), 2, 2, 1, createMaxPoolGradient},
    {"averagePool", sizeof(SnPoolAttributes), 1, 1, 1, createAveragePool},
    {"averagePoolGradient", sizeof(SnPoolAttributes), 1, 1, 1, createAveragePoolGradient},
    {"globalAveragePool", 0, 1, 1, 1, createGlobalAveragePool},
    {"globalAveragePoolGradient", 0, 1, 1, 1, createGlobalAveragePoolGradient},
    {"activation", sizeof(SnActivationAttributes), 2, 2, 1, createActivation},
    {"activationGradient", sizeof(SnActivationAttributes), 2, 2, 2, createActivationGradient},
    {"randomizedRelu", sizeof(SnRandomizedReluAttributes), 3, 3, 1, createRandomizedRelu},
    {"randomizedReluGradient", sizeof(SnRandomizedReluAttributes), 3, 3, 2, createRandomizedReluGradient},
    {"softmaxCrossEntropy", sizeof(SnLossAttributes), 2, 2, 2, createSoftmaxCrossEntropy},
    {"softmaxCrossEntropyGradient", sizeof(SnLossAttributes), 3, 3, 1, createSoftmaxCrossEntropyGradient},
    {"countCorrect", sizeof(SnCountCorrectAttributes), 2, 2, 1, createCountCorrect},
    {"add", 0, 2, 8, 1, createAdd},
    {"concat", 0, 1, INT32_MAX, 1, createConcat},
    {"slice", sizeof(SnSliceAttributes), 1, 1, 1, createSlice},
    {"copy", 0, 1, 1, 1, createCopy},
    {"moments", 0, 1, 1, 1, createMoments},
    {"augment", sizeof(SnAugmentAttributes), 5, 5, 1, createAugment},
    {"pack", 0, 1, INT32_MAX, 1, createPack},
    {"rows", sizeof(int32_t), 1, 1, 1, createRows},
    {"finiteCheck", 0, 2, 2, 2, createFiniteCheck},
    {"sgd", sizeof(SnSgdAttributes), 9, 9, 0, createSgd},
    {"adam", sizeof(SnAdamAttributes), 11, 11, 0, createAdam},
    {"trustRatios", sizeof(SnTrustAttributes), 6, 6, 1, createTrustRatios},
    {"clipFactor", sizeof(SnClipAttributes), 1, 1, 1, createClipFactor},
    {"unscale", sizeof(SnClipAttributes), 4, 4, 3, createUnscale},
    {"adjustLossScale", sizeof(SnLossScaleAttributes), 4, 4, 0, createAdjustLossScale},
    {"averageWeights", sizeof(SnAverageAttributes), 4, 4, 0, createAverageWeights},
    {"advance", 0, 2, 2, 0, createAdvance},
    {"batchNorm", sizeof(SnBatchNormAttributes), 3, 3, 3, createBatchNorm},
    {"batchNormInference", sizeof(SnBatchNormAttributes), 5, 5, 1, createBatchNormInference},
    {"batchNormGradient", sizeof(SnBatchNormGradientAttributes), 5, 5, 3, createBatchNormGradient},
    {"dropout", sizeof(SnDropoutAttributes), 2, 2, 1, createDropout},
    {"blend", sizeof(SnBlendAttributes), 2, 2, 1, createBlend},
    {"assign", 0, 3, 3, 0, createAssign},
};

const int32_t opCount = sizeof opTable / sizeof opTable[0];

const Op* findOp(const char* name) {
  for (const Op& op : opTable) {
    if (std::strcmp(op.name, name) == 0) return &op;
  }
  return nullptr;
}

}  // namespace saturnn::cpu
