import { apply, type Tensor } from '../tensor';
import { type BatchNormOpOptions, batchNormAttributes, defaultEpsilon, expectNormalized } from './batchNorm';
import { batchNormGradient } from './batchNormGradient';
import { first, type Op } from './op';

/**
 * Batch normalisation with given statistics: y = (x - mean) scale / sqrt(variance + epsilon) + shift. x: [..., C]; the others
 * [C]. Mean and variance count as constants: no gradient flows to them.
 */
export const batchNormInferenceOp: Op = {
  name: 'batchNormInference',
  get attributes() {
    return batchNormAttributes; // A getter: this file, batchNorm.ts and batchNormGradient.ts import each other.
  },
  readsSlices: true,
  writesSlices: true,
  inPlace: true,
  inferShape([x, mean, variance, scale, shift]) {
    const { shape, image } = expectNormalized('batchNormInference', x, { mean, variance, scale, shift });
    return [{ dtype: 'f32', shape, image }];
  },
  gradient(node, [dy], [xNeeded, , , scaleNeeded, shiftNeeded]) {
    const [x, mean, variance, scale] = node.inputs;
    if (!dy || !x || !mean || !variance || !scale) return [];
    const { epsilon = defaultEpsilon } = node.attributes;
    const inputs = { dy, x, mean, variance, scale };
    const { dx, dscale, dshift } = batchNormGradient(inputs, { epsilon, frozen: true, name: node.name });
    return [xNeeded ? dx : null, null, null, scaleNeeded ? dscale : null, shiftNeeded ? dshift : null];
  },
};

export interface BatchNormInferenceInputs {
  mean: Tensor;
  variance: Tensor;
  scale: Tensor;
  shift: Tensor;
}

/** @throws ERR_SHAPE */
export function batchNormInference(
  x: Tensor,
  { mean, variance, scale, shift }: BatchNormInferenceInputs,
  { epsilon = defaultEpsilon, name }: BatchNormOpOptions = {},
): Tensor {
  return first(apply(batchNormInferenceOp, [x, mean, variance, scale, shift], { epsilon }, name));
}
