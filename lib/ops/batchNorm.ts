import { SaturnnError } from '../errors';
import { apply, type Tensor } from '../tensor';
import { batchNormGradient } from './batchNormGradient';
import { type AttributeField, dimension, expectShape, expectTensor, type Op, shapeError } from './op';

/** That of the paper's authors and of PyTorch. */
export const defaultEpsilon = 1e-5;

export const batchNormAttributes: readonly AttributeField[] = [['epsilon', 'f32']];

/** x [..., C], of 2 to 4 dimensions, and vectors [C]: the checked x. */
export function expectNormalized(
  op: string,
  x: Tensor | null | undefined,
  vectors: Readonly<Record<string, Tensor | null | undefined>>,
): Tensor {
  const checked = expectTensor(op, 'x', x, {});
  if (checked.shape.length < 2) throw shapeError(op, 'x', '2 to 4 dimensions', [...checked.shape]);
  for (const [name, vector] of Object.entries(vectors)) {
    expectShape(op, name, expectTensor(op, name, vector, {}), checked.shape.slice(-1));
  }
  return checked;
}

/**
 * Batch normalisation in training (Ioffe and Szegedy 2015): y = (x - mean) scale / sqrt(variance + epsilon) + shift, with
 * mean and variance of each channel over all pixels of the batch. x: [..., C] -> y: the same, mean [C], variance [C]. The
 * variance is the biased one (divided by n), which y is made with.
 */
export const batchNormOp: Op = {
  name: 'batchNorm',
  attributes: batchNormAttributes,
  readsSlices: true,
  writesSlices: true,
  inPlace: true,
  optionalOutputs: [1, 2],
  inferShape([x, scale, shift]) {
    const { shape, image, size } = expectNormalized('batchNorm', x, { scale, shift });
    const channels = dimension(shape, shape.length - 1);
    // The variance of one value says nothing: y would be the shift, whatever x is.
    if (size === channels) throw shapeError('batchNorm', 'x', 'at least 2 values per channel', [...shape]);
    const vector = { dtype: 'f32', shape: [channels], image: false } as const;
    return [{ dtype: 'f32', shape, image }, vector, vector];
  },
  gradient(node, [dy, ...statistics], [, scaleNeeded, shiftNeeded]) {
    if (statistics.some((tensor) => tensor)) {
      throw new SaturnnError('ERR_GRAPH', `[batchNorm] mean and variance have no gradient (layer "${node.name}")`);
    }
    const [x, scale] = node.inputs;
    const [, mean, variance] = node.outputs;
    if (!dy || !x || !scale || !mean || !variance) return [];
    const { epsilon = defaultEpsilon } = node.attributes;
    const inputs = { dy, x, mean, variance, scale };
    const { dx, dscale, dshift } = batchNormGradient(inputs, { epsilon, frozen: false, name: node.name });
    return [dx, scaleNeeded ? dscale : null, shiftNeeded ? dshift : null];
  },
};

export interface BatchNormOpOptions {
  /** Default 1e-5. */
  epsilon?: number;
  name?: string;
}

/** @throws ERR_SHAPE */
export function batchNorm(
  x: Tensor,
  { scale, shift }: { scale: Tensor; shift: Tensor },
  { epsilon = defaultEpsilon, name }: BatchNormOpOptions = {},
): { y: Tensor; mean: Tensor; variance: Tensor } {
  const [y, mean, variance] = apply(batchNormOp, [x, scale, shift], { epsilon }, name) as [Tensor, Tensor, Tensor];
  return { y, mean, variance };
}
