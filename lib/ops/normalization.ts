import { SaturnnError } from '../errors';
import { apply, type Tensor } from '../tensor/tensor';
import { type AttributeField, dimension, expectShape, expectTensor, first, type Op, shapeError } from './op';

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

/**
 * Batch normalisation with given statistics: y = (x - mean) scale / sqrt(variance + epsilon) + shift. x: [..., C]; the others
 * [C]. Mean and variance count as constants: no gradient flows to them.
 */
export const batchNormInferenceOp: Op = {
  name: 'batchNormInference',
  attributes: batchNormAttributes,
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

/**
 * With v = 1 / sqrt(variance + epsilon) and n values per channel: dshift = Σ dy, dscale = v Σ dy (x - mean), and
 * dx = scale v (dy - dshift / n - (x - mean) v dscale / n), or, `frozen`, dx = scale v dy. Unless frozen, mean is that of x:
 * kernels need it only near, and find again what its rounding has taken away.
 */
export const batchNormGradientOp: Op = {
  name: 'batchNormGradient',
  attributes: [
    ['epsilon', 'f32'],
    ['frozen', 'i32'],
  ],
  readsSlices: true,
  writesSlices: true,
  inPlace: true,
  optionalOutputs: [1, 2],
  inferShape([dy, x, mean, variance, scale]) {
    const { shape, image } = expectNormalized('batchNormGradient', x, { mean, variance, scale });
    expectShape('batchNormGradient', 'dy', expectTensor('batchNormGradient', 'dy', dy, { image }), shape);
    const vector = { dtype: 'f32', shape: shape.slice(-1), image: false } as const;
    return [{ dtype: 'f32', shape, image }, vector, vector];
  },
};

export interface BatchNormGradientInputs {
  dy: Tensor;
  x: Tensor;
  mean: Tensor;
  variance: Tensor;
  scale: Tensor;
}

export interface BatchNormGradientOptions {
  epsilon: number;
  /** Mean and variance are given numbers, not those of x. */
  frozen: boolean;
  name?: string;
}

export function batchNormGradient(
  { dy, x, mean, variance, scale }: BatchNormGradientInputs,
  { epsilon, frozen, name }: BatchNormGradientOptions,
): { dx: Tensor; dscale: Tensor; dshift: Tensor } {
  const attributes = { epsilon, frozen: frozen ? 1 : 0 };
  const outputs = apply(batchNormGradientOp, [dy, x, mean, variance, scale], attributes, name);
  const [dx, dscale, dshift] = outputs as [Tensor, Tensor, Tensor];
  return { dx, dscale, dshift };
}

/**
 * Mean and variance of all elements of a tensor, the variance in two passes and both in double, so that a large mean
 * costs no digits. The variance is the population's (divided by the count). x: any shape -> f32 [2] = (mean, variance)
 */
export const momentsOp: Op = {
  name: 'moments',
  attributes: [],
  readsSlices: true,
  writesSlices: false,
  inferShape([x]) {
    expectTensor('moments', 'x', x, {});
    return [{ dtype: 'f32', shape: [2], image: false }];
  },
};

/** (mean, variance) of all elements of x, [2]. @throws ERR_SHAPE if x is not f32 */
export function moments(x: Tensor, { name }: { name?: string } = {}): Tensor {
  return first(apply(momentsOp, [x], {}, name));
}

/** y = keep old + take value, of one shape, no images: how running averages move on. No gradient flows through it. */
export const blendOp: Op = {
  name: 'blend',
  attributes: [
    ['keep', 'f32'],
    ['take', 'f32'],
  ],
  readsSlices: false,
  writesSlices: false,
  inferShape([old, value]) {
    const { shape } = expectTensor('blend', 'old', old, { image: false });
    expectShape('blend', 'value', expectTensor('blend', 'value', value, { image: false }), shape);
    return [{ dtype: 'f32', shape, image: false }];
  },
};

export interface BlendOptions {
  keep: number;
  take: number;
  name?: string;
}

/** @throws ERR_SHAPE */
export function blend(old: Tensor, value: Tensor, { keep, take, name }: BlendOptions): Tensor {
  return first(apply(blendOp, [old, value], { keep, take }, name));
}

export const normalizationOps: readonly Op[] = [
  batchNormOp,
  batchNormInferenceOp,
  batchNormGradientOp,
  momentsOp,
  blendOp,
];
