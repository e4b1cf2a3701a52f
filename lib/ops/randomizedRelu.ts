import { streamOf } from '../random';
import { apply, type Tensor } from '../tensor/tensor';
import { checkRange } from './activationRow';
import { type AttributeField, expectShape, expectTensor, first, type Op, shapeError } from './op';

/** SnRandomizedReluAttributes of native/shared/backend.h. */
export const randomizedReluAttributes: readonly AttributeField[] = [
  ['lower', 'f32'],
  ['upper', 'f32'],
  ['stream', 'i32'],
];

/**
 * RReLU in training (Xu et al., arXiv:1505.00853): y = x + bias, times a slope where that is below 0, drawn for each element
 * from U[lower, upper]. x: any shape; bias: [last dimension of x]; counter i32 [2] (seed, step). A slope is a function of
 * seed, step, stream and the element's index in row-major (NHWC) order alone, so the gradient draws it again; slopes are
 * positive, so the sign of y tells the side, and y may replace x.
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
};

export interface RandomizedReluOptions {
  /** i32 [2], seed and step: State.counter. */
  counter: Tensor;
  /** Slopes are drawn from here; 0 < lower <= upper <= 1. */
  lower: number;
  upper: number;
  /** Of the layer. Its random numbers are its own: layers of one name draw the same. */
  name: string;
  /** Added before; one value per channel (last dimension). */
  bias?: Tensor;
}

/** @throws ERR_SHAPE, ERR_INVALID_ARGUMENT */
export function randomizedRelu(x: Tensor, { counter, lower, upper, name, bias }: RandomizedReluOptions): Tensor {
  const attributes = { ...checkRange(lower, upper), stream: streamOf(name) };
  return first(apply(randomizedReluOp, [x, bias ?? null, counter], attributes, name));
}

/**
 * dx = dy, times the element's slope where y is below 0: the slope that the forward pass of the same step drew. dbias = dx
 * summed over all but the last dimension, in the same pass. dy, y: one shape; counter i32 [2].
 */
export const randomizedReluGradientOp: Op = {
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

/** `attributes` are the forward pass's. */
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

export const randomizedReluOps: readonly Op[] = [randomizedReluOp, randomizedReluGradientOp];
