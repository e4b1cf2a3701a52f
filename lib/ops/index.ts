import { activationOp } from './activation';
import { activationGradientOp } from './activationGradient';
import { adamOp } from './adam';
import { addOp } from './add';
import { adjustLossScaleOp } from './adjustLossScale';
import { advanceOp } from './advance';
import { assignOp } from './assign';
import { augmentOp } from './augment';
import { averagePoolOp } from './averagePool';
import { averagePoolGradientOp } from './averagePoolGradient';
import { averageWeightsOp } from './averageWeights';
import { batchNormOp } from './batchNorm';
import { batchNormGradientOp } from './batchNormGradient';
import { batchNormInferenceOp } from './batchNormInference';
import { blendOp } from './blend';
import { clipFactorOp } from './clipFactor';
import { concatOp } from './concat';
import { conv2dOp } from './conv2d';
import { conv2dDgradOp } from './conv2dDgrad';
import { conv2dDgradActivationOp } from './conv2dDgradActivation';
import { conv2dWgradOp } from './conv2dWgrad';
import { copyOp } from './copy';
import { countCorrectOp } from './countCorrect';
import { dropoutOp } from './dropout';
import { finiteCheckOp } from './finiteCheck';
import { globalAveragePoolOp } from './globalAveragePool';
import { globalAveragePoolGradientOp } from './globalAveragePoolGradient';
import { linearOp } from './linear';
import { linearDgradOp } from './linearDgrad';
import { linearWgradOp } from './linearWgrad';
import { maxPoolOp } from './maxPool';
import { maxPoolGradientOp } from './maxPoolGradient';
import { momentsOp } from './moments';
import type { Op } from './op';
import { packOp } from './pack';
import { randomizedReluOp } from './randomizedRelu';
import { randomizedReluGradientOp } from './randomizedReluGradient';
import { rowsOp } from './rows';
import { sgdOp } from './sgd';
import { sliceOp } from './slice';
import { softmaxCrossEntropyOp } from './softmaxCrossEntropy';
import { softmaxCrossEntropyGradientOp } from './softmaxCrossEntropyGradient';
import { trustRatiosOp } from './trustRatios';
import { unscaleOp } from './unscale';

/** Every op. A test holds it against each backend's table. */
export const ops: readonly Op[] = [
  conv2dOp,
  conv2dDgradOp,
  conv2dDgradActivationOp,
  conv2dWgradOp,
  linearOp,
  linearDgradOp,
  linearWgradOp,
  activationOp,
  activationGradientOp,
  randomizedReluOp,
  randomizedReluGradientOp,
  maxPoolOp,
  maxPoolGradientOp,
  averagePoolOp,
  averagePoolGradientOp,
  globalAveragePoolOp,
  globalAveragePoolGradientOp,
  softmaxCrossEntropyOp,
  softmaxCrossEntropyGradientOp,
  countCorrectOp,
  addOp,
  concatOp,
  sliceOp,
  copyOp,
  momentsOp,
  augmentOp,
  packOp,
  rowsOp,
  finiteCheckOp,
  clipFactorOp,
  unscaleOp,
  adjustLossScaleOp,
  trustRatiosOp,
  sgdOp,
  adamOp,
  averageWeightsOp,
  advanceOp,
  batchNormOp,
  batchNormInferenceOp,
  batchNormGradientOp,
  dropoutOp,
  blendOp,
  assignOp,
];
