import { anyNumber, optional, text } from '../options/field';
import { streamOf } from '../random';
import { type AttributeField, apply, type Op, type Tensor, tensorField } from '../tensor/tensor';
import { checkRange } from './activationRow';
import { expectShape, expectTensor, first, opOptions, shapeError } from './op';

/** Attributes of randomizedRelu and its gradient, as native/ops/randomized_relu.def declares them. */
const randomizedReluAttributes: readonly AttributeField[] = [
  ['lower', 'f32'],
  ['upper', 'f32'],
  ['stream', 'i32'],
];

/**
 * RReLU in training (Xu et al., arXiv:1505.00853): with s = x + bias, y = s, and a s for s < 0; a is drawn from U[lower,
 * upper] for each element. x: any shape; bias: [last dimension of x], optional; counter i32 [2] (seed, step). a depends only
 * on seed, step, stream and the element's index in row-major (NHWC) order, so the gradient draws it again. a > 0, so y has
 * the sign of s, and may overwrite x.
 */
export const randomizedReluOp: Op = {
  name: 'randomizedRelu',
  attributes: randomizedReluAttributes,
  readsSlices: true,
  writesSlices: true,
  inPlace: true,
  inferShape([x, bias, counter]) {
    const op = 'randomizedRelu';
    const checked = expectTensor(op, 'x', x, {});
    if (bias) expectShape(op, 'bias', expectTensor(op, 'bias', bias, {}), checked.shape.slice(-1));
    if (bias?.image) throw shapeError(op, 'bias', 'a vector', [...bias.shape]);
    expectShape(op, 'counter', expectTensor(op, 'counter', counter, { dtype: 'i32' }), [2]);
    return [{ dtype: 'f32', shape: checked.shape, image: checked.image }];
  },
  gradient(node, [dy], [, biasNeeded]) {
    const [y] = node.outputs;
    const counter = node.inputs[2];
    if (!dy || !y || !counter) return [];
    const { dx, dbias } = randomizedReluGradient(dy, y, counter, node.attributes, { name: node.name });
    return [dx, biasNeeded ? dbias : null];
  },
  saved: {
    options: ({ attributes: { lower = 0, upper = 0 } }) => ({ lower, upper }),
    make([x, bias, counter], options, name) {
      const range = options as Pick<RandomizedReluOptions, 'lower' | 'upper'>;
      return randomizedRelu(x, { ...range, counter, bias: bias ?? undefined, name });
    },
  },
};

/** Options of randomizedRelu(). */
export interface RandomizedReluOptions {
  /** i32 [2], seed and step: State.counter. */
  counter: Tensor;
  /** Smallest slope, at least 1e-6. */
  lower: number;
  /** Largest slope, from `lower` to 1. */
  upper: number;
  /** Name of the layer, which selects the random numbers: layers with one name draw the same slopes. */
  name: string;
  /** A bias that is added before: [last dimension of x]. Default: none. */
  bias?: Tensor;
}

const randomizedReluOptions = opOptions<RandomizedReluOptions>('randomizedRelu', {
  counter: tensorField,
  lower: anyNumber,
  upper: anyNumber,
  name: text,
  bias: optional(tensorField),
});

/**
 * Returns RReLU as in training (Xu et al., arXiv:1505.00853), in the shape of x: s = x + bias, and a s for s < 0, with a
 * drawn from U[lower, upper] for each element and step. activate() with rrelu() chooses between this and inference.
 * @param x f32, any shape
 * @param options counter, range of the slopes, name, and a bias (default: none)
 * @throws ERR_SHAPE if x is not f32 or the bias does not fit; ERR_INVALID_ARGUMENT for slopes out of range
 */
export function randomizedRelu(x: Tensor, options: RandomizedReluOptions): Tensor {
  const { counter, lower, upper, name, bias } = randomizedReluOptions.check(options);
  const attributes = { ...checkRange(lower, upper), stream: streamOf(name) };
  return first(apply(randomizedReluOp, [x, bias ?? null, counter], attributes, name));
}

/**
 * dx = dy, and a dy where y < 0, with the slope a that the forward pass of the same step drew; dbias = dx summed over all
 * dimensions but the last. dy and y have one shape; counter i32 [2].
 */
const randomizedReluGradientOp: Op = {
  name: 'randomizedReluGradient',
  attributes: randomizedReluAttributes,
  readsSlices: true,
  writesSlices: true,
  inPlace: true,
  optionalOutputs: [1],
  inferShape([dy, y, counter]) {
    const op = 'randomizedReluGradient';
    const checked = expectTensor(op, 'y', y, {});
    expectShape(op, 'dy', expectTensor(op, 'dy', dy, { image: checked.image }), checked.shape);
    expectShape(op, 'counter', expectTensor(op, 'counter', counter, { dtype: 'i32' }), [2]);
    return [
      { dtype: 'f32', shape: checked.shape, image: checked.image },
      { dtype: 'f32', shape: checked.shape.slice(-1), image: false },
    ];
  },
};

/** Returns dx and dbias of randomizedRelu(). `attributes` are those of the forward node. @throws ERR_SHAPE */
export function randomizedReluGradient(
  dy: Tensor,
  y: Tensor,
  counter: Tensor,
  attributes: Readonly<Record<string, number>>,
  { name }: { name?: string } = {},
): { dx: Tensor; dbias: Tensor } {
  const [dx, dbias] = apply(randomizedReluGradientOp, [dy, y, counter], attributes, name) as [Tensor, Tensor];
  return { dx, dbias };
}

/** All ops of this file. */
export const randomizedReluOps: readonly Op[] = [randomizedReluOp, randomizedReluGradientOp];
