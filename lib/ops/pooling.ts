import { checkInteger, checkOptions } from '../errors';
import { apply, type Tensor, type TensorSpec } from '../tensor/tensor';
import {
  type AttributeField,
  dimension,
  expectShape,
  expectTensor,
  first,
  type Op,
  type Pair,
  pair,
  shapeError,
} from './op';

/** SnPoolAttributes of native/shared/backend.h, shared by both kinds of pooling and their gradients. */
export const poolAttributes: readonly AttributeField[] = [
  ['kernelH', 'i32'],
  ['kernelW', 'i32'],
  ['strideH', 'i32'],
  ['strideW', 'i32'],
  ['padH', 'i32'],
  ['padW', 'i32'],
];

export interface PoolOptions {
  kernel: Pair;
  stride: Pair;
  /** How far the first window begins before the image; default 0. Smaller than the kernel. */
  padding?: Pair;
  /**
   * Default false: windows that would pass the right or bottom edge (padding included) are left out. True: the output
   * size is rounded up and such windows are clipped, as the paper's authors' framework does (28 -> 14 with kernel 3, stride 2).
   */
  ceil?: boolean;
  name?: string;
}

export function encodePool(options: PoolOptions): Record<string, number> {
  const { kernel, stride, padding = 0, ceil = false } = checkOptions('{ kernel, stride }', options);
  const [kernelH, kernelW] = pair('kernel', kernel, 1);
  const [strideH, strideW] = pair('stride', stride, 1);
  const [padH, padW] = pair('padding', padding, 0);
  checkInteger('kernel height times width', kernelH * kernelW, 1, 256);
  checkInteger('padding[0]', padH, 0, kernelH - 1);
  checkInteger('padding[1]', padW, 0, kernelW - 1);
  return { kernelH, kernelW, strideH, strideW, padH, padW, ceil: ceil ? 1 : 0 };
}

/** Output shape of a pooling; the last window always begins inside the image, so no window is empty. */
export function poolShape(op: string, x: Tensor, attributes: Readonly<Record<string, number>>): TensorSpec {
  const { kernelH = 1, kernelW = 1, strideH = 1, strideW = 1, padH = 0, padW = 0, ceil = 0 } = attributes;
  const size = (length: number, kernel: number, stride: number, pad: number): number => {
    const steps = (length + 2 * pad - kernel) / stride;
    const count = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
    return Math.min(count, Math.floor((length + pad - 1) / stride) + 1);
  };
  const height = size(dimension(x.shape, 1), kernelH, strideH, padH);
  const width = size(dimension(x.shape, 2), kernelW, strideW, padW);
  if (height < 1 || width < 1)
    throw shapeError(op, 'x', `an image that holds a ${kernelH}x${kernelW} window`, [...x.shape]);
  return { dtype: 'f32', shape: [dimension(x.shape, 0), height, width, dimension(x.shape, 3)], image: true };
}

/**
 * The largest value of each window, and where it was (position in the unclipped window, row by row, for the gradient).
 * x [N, H, W, C] -> y [N, H', W', C], indices u8 of the same shape. The first of equal values wins; NaN wins over all.
 */
export const maxPoolOp: Op = {
  name: 'maxPool',
  attributes: poolAttributes,
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  optionalOutputs: [1],
  inferShape([x], attributes) {
    const y = poolShape('maxPool', expectTensor('maxPool', 'x', x, { rank: 4, image: true }), attributes);
    return [y, { ...y, dtype: 'u8' }];
  },
  gradient(node, [dy]) {
    const [x] = node.inputs;
    const indices = node.outputs[1];
    if (!dy || !x || !indices) return [];
    return [maxPoolGradient(dy, indices, x.shape, node.attributes, node.name)];
  },
};

/** Max pooling; windows are clipped at the image's edges. @throws ERR_SHAPE, ERR_INVALID_ARGUMENT */
export function maxPool(x: Tensor, options: PoolOptions): Tensor {
  return first(apply(maxPoolOp, [x], encodePool(options), options.name));
}

/** Each element of dx sums dy over the windows that chose it. dy, indices [N, H', W', C] -> dx [N, H, W, C]. */
export const maxPoolGradientOp: Op = {
  name: 'maxPoolGradient',
  attributes: poolAttributes,
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inferShape([dy, indices], { height = 0, width = 0 }) {
    const gradient = expectTensor('maxPoolGradient', 'dy', dy, { rank: 4, image: true });
    const chosen = expectTensor('maxPoolGradient', 'indices', indices, { dtype: 'u8', rank: 4, image: true });
    expectShape('maxPoolGradient', 'indices', chosen, gradient.shape);
    const shape = [dimension(gradient.shape, 0), height, width, dimension(gradient.shape, 3)];
    return [{ dtype: 'f32', shape, image: true }];
  },
};

/** @param shape of x: the output size does not tell it. */
export function maxPoolGradient(
  dy: Tensor,
  indices: Tensor,
  shape: readonly number[],
  attributes: Readonly<Record<string, number>>,
  name?: string,
): Tensor {
  const size = { height: dimension(shape, 1), width: dimension(shape, 2) };
  return first(apply(maxPoolGradientOp, [dy, indices], { ...attributes, ...size }, name));
}

/** The mean of each window; what lies outside the image is not counted. x [N, H, W, C] -> y [N, H', W', C]. */
export const averagePoolOp: Op = {
  name: 'averagePool',
  attributes: poolAttributes,
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inferShape([x], attributes) {
    return [poolShape('averagePool', expectTensor('averagePool', 'x', x, { rank: 4, image: true }), attributes)];
  },
  gradient(node, [dy]) {
    const [x] = node.inputs;
    return dy && x ? [averagePoolGradient(dy, x.shape, node.attributes, node.name)] : [];
  },
};

/** Average pooling; windows are clipped at the image's edges. @throws ERR_SHAPE, ERR_INVALID_ARGUMENT */
export function averagePool(x: Tensor, options: PoolOptions): Tensor {
  return first(apply(averagePoolOp, [x], encodePool(options), options.name));
}

/** Each element of dx sums dy / (elements of the clipped window) over the windows that hold it. dy [N, H', W', C] -> dx [N, H, W, C]. */
export const averagePoolGradientOp: Op = {
  name: 'averagePoolGradient',
  attributes: poolAttributes,
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inferShape([dy], { height = 0, width = 0 }) {
    const gradient = expectTensor('averagePoolGradient', 'dy', dy, { rank: 4, image: true });
    const shape = [dimension(gradient.shape, 0), height, width, dimension(gradient.shape, 3)];
    return [{ dtype: 'f32', shape, image: true }];
  },
};

/** @param shape of x: the output size does not tell it. */
export function averagePoolGradient(
  dy: Tensor,
  shape: readonly number[],
  attributes: Readonly<Record<string, number>>,
  name?: string,
): Tensor {
  const size = { height: dimension(shape, 1), width: dimension(shape, 2) };
  return first(apply(averagePoolGradientOp, [dy], { ...attributes, ...size }, name));
}

/** The mean over height and width. x [N, H, W, C] -> y [N, C]. */
export const globalAveragePoolOp: Op = {
  name: 'globalAveragePool',
  attributes: [],
  readsSlices: true,
  writesSlices: false,
  halfImages: true,
  inferShape([x]) {
    const image = expectTensor('globalAveragePool', 'x', x, { rank: 4, image: true });
    return [{ dtype: 'f32', shape: [dimension(image.shape, 0), dimension(image.shape, 3)], image: false }];
  },
  gradient(node, [dy]) {
    const [x] = node.inputs;
    return dy && x ? [globalAveragePoolGradient(dy, x.shape, node.name)] : [];
  },
};

/** @throws ERR_SHAPE */
export function globalAveragePool(x: Tensor, { name }: { name?: string } = {}): Tensor {
  return first(apply(globalAveragePoolOp, [x], {}, name));
}

/** dx = dy / (H W) at every position. dy [N, C] -> dx [N, H, W, C]. */
export const globalAveragePoolGradientOp: Op = {
  name: 'globalAveragePoolGradient',
  attributes: [],
  readsSlices: false,
  writesSlices: true,
  halfImages: true,
  inferShape([dy], { height = 0, width = 0 }) {
    const { shape } = expectTensor('globalAveragePoolGradient', 'dy', dy, { rank: 2 });
    return [{ dtype: 'f32', shape: [dimension(shape, 0), height, width, dimension(shape, 1)], image: true }];
  },
};

/** @param shape of x */
export function globalAveragePoolGradient(dy: Tensor, shape: readonly number[], name?: string): Tensor {
  const size = { height: dimension(shape, 1), width: dimension(shape, 2) };
  return first(apply(globalAveragePoolGradientOp, [dy], size, name));
}

export const poolingOps: readonly Op[] = [
  maxPoolOp,
  maxPoolGradientOp,
  averagePoolOp,
  averagePoolGradientOp,
  globalAveragePoolOp,
  globalAveragePoolGradientOp,
];
