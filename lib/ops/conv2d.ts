import { checkInteger, invalid, SaturnnError } from '../errors';
import { apply, type Tensor, type TensorSpec } from '../tensor';
import { conv2dDgrad } from './conv2dDgrad';
import { conv2dWgrad } from './conv2dWgrad';
import { type AttributeField, dimension, expectShape, expectTensor, first, type Op, shapeError } from './op';

export const noActivation = -1;

/** SnConvAttributes of native/backend.h, shared by the three convolution passes. */
export const convAttributes: readonly AttributeField[] = [
  ['strideH', 'i32'],
  ['strideW', 'i32'],
  ['padH', 'i32'],
  ['padW', 'i32'],
  ['activation', 'i32'],
  ['slope', 'f32'],
];

export type Pair = number | readonly [height: number, width: number];

/** Of a stride, padding or kernel size: the kernels add and multiply them in 32 bits. */
const mostPixels = 65535;

/** Both parts of a stride, padding or kernel size, checked. */
export function pair(argument: string, value: Pair, minimum: number): readonly [number, number] {
  const both = typeof value === 'number' ? [value, value] : value;
  if (!Array.isArray(both) || both.length !== 2) throw invalid(argument, 'a number or [height, width]', value);
  return [
    checkInteger(`${argument}[0]`, both[0], minimum, mostPixels),
    checkInteger(`${argument}[1]`, both[1], minimum, mostPixels),
  ];
}

/** x and the weights of a convolution, checked against each other; the shape of y. */
function convShape(x: Tensor, weight: Tensor, attributes: Readonly<Record<string, number>>): TensorSpec {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [outChannels, kernelH, kernelW, inChannels] = weight.shape as [number, number, number, number];
  if (inChannels !== channels) {
    throw shapeError('conv2d', 'weight', `${channels} input channels (last dimension), as x has`, [...weight.shape]);
  }
  const { strideH = 1, strideW = 1, padH = 0, padW = 0 } = attributes;
  const outHeight = Math.floor((height + 2 * padH - kernelH) / strideH) + 1;
  const outWidth = Math.floor((width + 2 * padW - kernelW) / strideW) + 1;
  if (outHeight < 1 || outWidth < 1) {
    throw shapeError(
      'conv2d',
      'x',
      `an image that holds a ${kernelH}x${kernelW} kernel with padding ${padH}, ${padW}`,
      [...x.shape],
    );
  }
  return { dtype: 'f32', shape: [batch, outHeight, outWidth, outChannels], image: true };
}

/**
 * y = x * weight (+ bias), optionally through an activation that a pass has fused.
 * x [N, H, W, C], weight [O, KH, KW, C], bias [O] -> y [N, H', W', O], H' = floor((H + 2 pad - KH) / stride) + 1.
 */
export const conv2dOp: Op = {
  name: 'conv2d',
  attributes: convAttributes,
  readsSlices: false,
  writesSlices: false,
  halfImages: true,
  inferShape([x, weight, bias], attributes) {
    const image = expectTensor('conv2d', 'x', x, { rank: 4, image: true });
    const weights = expectTensor('conv2d', 'weight', weight, { rank: 4, image: false });
    if (bias) expectShape('conv2d', 'bias', expectTensor('conv2d', 'bias', bias, {}), [dimension(weights.shape, 0)]);
    return [convShape(image, weights, attributes)];
  },
  gradient(node, [dy], [xNeeded, weightNeeded, biasNeeded]) {
    const [x, weight] = node.inputs;
    if (!dy || !x || !weight) return [];
    if (node.attributes.activation !== noActivation) {
      const remedy = 'differentiate the graph as it was before the passes';
      throw new SaturnnError('ERR_GRAPH', `[conv2d] a pass has fused an activation into "${node.name}": ${remedy}`);
    }
    const dx = xNeeded ? conv2dDgrad(dy, weight, x.shape, node.attributes, node.name) : null;
    if (!weightNeeded && !biasNeeded) return [dx];
    const { dweight, dbias } = conv2dWgrad(x, dy, weight.shape, node.attributes, node.name);
    return [dx, weightNeeded ? dweight : null, biasNeeded ? dbias : null];
  },
  flops: (node) => convFlops(node.outputs[0]?.shape ?? [], node.inputs[1]?.shape ?? []),
};

/** Two per multiply-add: 2 N H' W' O KH KW C, the same in all three passes. */
export function convFlops(output: readonly number[], weight: readonly number[]): number {
  const positions = output.slice(0, 3).reduce((product, d) => product * d, 1);
  return 2 * positions * weight.reduce((product, d) => product * d, 1);
}

export interface Conv2dOptions {
  bias?: Tensor;
  /** Default 1. */
  stride?: Pair;
  /** Rows and columns of zeros on each side; default 0. */
  padding?: Pair;
  name?: string;
}

/** A convolution (cross-correlation). @throws ERR_SHAPE, ERR_INVALID_ARGUMENT */
export function conv2d(x: Tensor, weight: Tensor, { bias, stride = 1, padding = 0, name }: Conv2dOptions = {}): Tensor {
  const [strideH, strideW] = pair('stride', stride, 1);
  const [padH, padW] = pair('padding', padding, 0);
  const attributes = { strideH, strideW, padH, padW, activation: noActivation, slope: 0 };
  return first(apply(conv2dOp, [x, weight, bias ?? null], attributes, name));
}
