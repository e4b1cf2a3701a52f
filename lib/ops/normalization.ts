import { SaturnnError } from '../errors';
import { type Field, number, optional, text } from '../options/field';
import type { Fields } from '../options/options';
import {
  type AttributeField,
  apply,
  type Node,
  noSavedOptions,
  type Op,
  type SavedOptions,
  type Tensor,
  tensorField,
} from '../tensor/tensor';
import { dimension, expectShape, expectTensor, first, opOptions, shapeError } from './op';

/** Default epsilon of batch normalisation: that of the paper's authors and of PyTorch. */
export const defaultEpsilon = 1e-5;

/** Accepts an epsilon. A negative one could make a variance negative. */
export const epsilonField: Field<number> = number([0, 3.4e38]);

const batchNormAttributes: readonly AttributeField[] = [['epsilon', 'f32']];

const savedEpsilon = ({ attributes: { epsilon = defaultEpsilon } }: Node): SavedOptions => ({ epsilon });

/** Checks x [..., C], of 2 to 4 dimensions, and the named vectors [C]; returns x. @throws ERR_SHAPE */
function expectNormalized(
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
 * Batch normalisation in training (Ioffe and Szegedy 2015, arXiv:1502.03167): y = (x - mean) scale / sqrt(variance + epsilon)
 * + shift, with mean and variance of each channel over all n pixels of the batch. x [..., C], scale [C], shift [C] -> y [...,
 * C], mean [C], variance [C]. The variance is the biased one (divided by n).
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
    // The variance of one value is 0, so y would be the shift, whatever x is.
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
  saved: {
    options: savedEpsilon,
    make: ([x, scale, shift], options, name) => batchNorm(x, { scale, shift }, { ...options, name }).y,
  },
};

/** Options of batchNorm() and batchNormInference(). */
export interface BatchNormOpOptions {
  /** Added to the variance; default 1e-5. */
  epsilon?: number;
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

const batchNormFields: Fields<BatchNormOpOptions> = { epsilon: optional(epsilonField), name: optional(text) };
const batchNormOptions = opOptions('batchNorm', batchNormFields);
const affine = { scale: tensorField, shift: tensorField };
const batchNormInputs = opOptions<{ scale: Tensor; shift: Tensor }>('batchNorm', affine, 'inputs');

/**
 * Returns batch normalisation with the statistics of x (training): `y` = (x - mean) scale / sqrt(variance + epsilon) + shift, in
 * the shape of x, and `mean` and biased `variance` of each channel, [C]. Only y has a gradient: gradient() throws ERR_GRAPH for
 * a loss that depends on mean or variance.
 * @param x f32 [..., C], 2 to 4 dimensions
 * @param inputs `scale` and `shift` of each channel: [C]
 * @param options epsilon (default 1e-5) and name
 * @throws ERR_SHAPE if shapes do not fit, or x has only one value per channel; ERR_INVALID_ARGUMENT for inputs or options
 */
export function batchNorm(
  x: Tensor,
  inputs: { scale: Tensor; shift: Tensor },
  options: BatchNormOpOptions = {},
): { y: Tensor; mean: Tensor; variance: Tensor } {
  const { scale, shift } = batchNormInputs.check(inputs);
  const { epsilon = defaultEpsilon, name } = batchNormOptions.check(options);
  const [y, mean, variance] = apply(batchNormOp, [x, scale, shift], { epsilon }, name) as [Tensor, Tensor, Tensor];
  return { y, mean, variance };
}

/**
 * Batch normalisation with given statistics: y = (x - mean) scale / sqrt(variance + epsilon) + shift. x [..., C], all others
 * [C] -> y [..., C]. Mean and variance are treated as constants and have no gradient.
 */
const batchNormInferenceOp: Op = {
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
  saved: {
    options: savedEpsilon,
    make: ([x, mean, variance, scale, shift], options, name) =>
      batchNormInference(x, { mean, variance, scale, shift }, { ...options, name }),
  },
};

/** Inputs of batchNormInference() beside x. */
export interface BatchNormInferenceInputs {
  /** Mean of each channel: [C]. */
  mean: Tensor;
  /** Variance of each channel: [C]. */
  variance: Tensor;
  /** Factor of each channel: [C]. */
  scale: Tensor;
  /** Summand of each channel: [C]. */
  shift: Tensor;
}

const inferenceOptions = opOptions('batchNormInference', batchNormFields);
const inferenceInputs = opOptions<BatchNormInferenceInputs>(
  'batchNormInference',
  { ...affine, mean: tensorField, variance: tensorField },
  'inputs',
);

/**
 * Returns batch normalisation with given statistics (inference): (x - mean) scale / sqrt(variance + epsilon) + shift, in the
 * shape of x. No gradient flows to mean and variance.
 * @param x f32 [..., C], 2 to 4 dimensions
 * @param inputs mean, variance, scale and shift of each channel: [C]
 * @param options epsilon (default 1e-5) and name
 * @throws ERR_SHAPE if shapes do not fit
 */
export function batchNormInference(
  x: Tensor,
  inputs: BatchNormInferenceInputs,
  options: BatchNormOpOptions = {},
): Tensor {
  const { mean, variance, scale, shift } = inferenceInputs.check(inputs);
  const { epsilon = defaultEpsilon, name } = inferenceOptions.check(options);
  return first(apply(batchNormInferenceOp, [x, mean, variance, scale, shift], { epsilon }, name));
}

/**
 * The gradient of batch normalisation. With v = 1 / sqrt(variance + epsilon) and n values per channel: dshift = Σ dy,
 * dscale = v Σ dy (x - mean), and dx = scale v (dy - dshift / n - (x - mean) v dscale / n); with `frozen` (given statistics),
 * dx = scale v dy. If not frozen, mean must be that of x; kernels correct its rounding error by the sum of x - mean.
 * dy, x [..., C], all others [C] -> dx [..., C], dscale [C], dshift [C].
 */
const batchNormGradientOp: Op = {
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

/** Inputs of batchNormGradient(). */
export interface BatchNormGradientInputs {
  /** Gradient with respect to y: [..., C]. */
  dy: Tensor;
  /** Input of the forward node: [..., C]. */
  x: Tensor;
  /** Mean of each channel, of x or as given: [C]. */
  mean: Tensor;
  /** Variance of each channel, of x or as given: [C]. */
  variance: Tensor;
  /** Factor of each channel: [C]. */
  scale: Tensor;
}

/** Options of batchNormGradient(). */
export interface BatchNormGradientOptions {
  /** As in the forward node. */
  epsilon: number;
  /** Whether mean and variance were given (batchNormInference), so that dx does not flow through them. */
  frozen: boolean;
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

/** Returns dx, dscale and dshift of batch normalisation. @throws ERR_SHAPE */
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
 * Mean and variance of all elements of a tensor. x: any shape -> f32 [2] = (mean, variance). The variance is that of the
 * population (divided by the count). It is computed in double precision and two passes, so that a large mean does not cost
 * digits.
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
  saved: { options: noSavedOptions, make: ([x], options, name) => moments(x, { ...options, name }) },
};

const momentsOptions = opOptions<{ name?: string }>('moments', { name: optional(text) });

/**
 * Returns mean and population variance of all elements of x: f32 [2]. It has no gradient.
 * @param x f32, any shape
 * @param options `name`: name of the layer, for messages and traces; default: the op's name
 * @throws ERR_SHAPE if x is not f32
 */
export function moments(x: Tensor, options: { name?: string } = {}): Tensor {
  const { name } = momentsOptions.check(options);
  return first(apply(momentsOp, [x], {}, name));
}

/**
 * y = keep old + take value, for running averages. Both have one shape and are no images. It has no gradient. A model file may hold
 * the nodes that follow() makes.
 */
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
  saved: {
    options: ({ attributes: { keep = 0 } }) => ({ keep }),
    make: ([old, value], options, name) => follow(old, value, { ...(options as FollowOptions), name }),
  },
};

/** Options of blend(). */
export interface BlendOptions {
  /** Factor of the old value. */
  keep: number;
  /** Factor of the new value. */
  take: number;
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

/** Returns keep old + take value, in their shape. @throws ERR_SHAPE if they differ in shape or are images */
export function blend(old: Tensor, value: Tensor, { keep, take, name }: BlendOptions): Tensor {
  return first(apply(blendOp, [old, value], { keep, take }, name));
}

/** Options of follow(). */
export interface FollowOptions {
  /** Share of its old value that the average keeps: 0 to 1. */
  keep: number;
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

const followOptions = opOptions<FollowOptions>('follow', { keep: number([0, 1]), name: optional(text) });

/**
 * Returns a running average moved towards the value of a batch: keep old + (1 - keep) value. The variance of batchNorm(), which is
 * divided by the number n of values per channel, is made unbiased first (divided by n - 1), as PyTorch and cuDNN do.
 * @throws ERR_SHAPE if `old` and `value` differ in shape or are images; ERR_INVALID_ARGUMENT for `keep`
 */
export function follow(old: Tensor, value: Tensor, options: FollowOptions): Tensor {
  const { keep, name } = followOptions.check(options);
  const { node, output, size } = expectTensor('blend', 'value', value, { image: false });
  const count = (node.inputs[0]?.size ?? 0) / size;
  const factor = node.op === batchNormOp && output === 2 ? count / (count - 1) : 1;
  return blend(old, value, { keep, take: (1 - keep) * factor, name });
}

/** All ops of this file. */
export const normalizationOps: readonly Op[] = [
  batchNormOp,
  batchNormInferenceOp,
  batchNormGradientOp,
  momentsOp,
  blendOp,
];
