import { checkInteger, checkOptions } from '../errors';
import type { Tensor, TensorSpec } from '../tensor';
import { type Pair, pair } from './conv2d';
import { type AttributeField, dimension, shapeError } from './op';

/** SnPoolAttributes of native/backend.h, shared by both kinds of pooling and their gradients. */
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
