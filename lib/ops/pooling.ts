import { checkInteger } from '../errors';
import { flag, optional, text } from '../options/field';
import type { Fields } from '../options/options';
import {
  type AttributeField,
  apply,
  type Node,
  noSavedOptions,
  type Op,
  type SavedOptions,
  sizeOf,
  type Tensor,
  type TensorSpec,
} from '../tensor/tensor';
import {
  dimension,
  expectShape,
  expectTensor,
  first,
  opOptions,
  type Padding,
  type Pair,
  paddingField,
  paddingOf,
  pair,
  pairField,
  pairOf,
  shapeError,
  sides,
} from './op';

/** Attributes of maxPool, averagePool and their gradients, as native/ops/pooling.def declares them. */
const poolAttributes: readonly AttributeField[] = [
  ['kernelH', 'i32'],
  ['kernelW', 'i32'],
  ['strideH', 'i32'],
  ['strideW', 'i32'],
  ['padTop', 'i32'],
  ['padLeft', 'i32'],
  ['sum', 'i32'],
];

/** Options of maxPool() and averagePool(). */
export interface PoolOptions {
  /** Height and width of the windows, at most 256 pixels in all. */
  kernel: Pair;
  /** Step between windows, vertical and horizontal: 1 to 65535. */
  stride: Pair;
  /**
   * Rows and columns around the image that windows may reach into and leave out: a number for all sides, [vertical, horizontal], or [top,
   * bottom, left, right]; from 0 to below the kernel; default 0.
   */
  padding?: Padding;
  /**
   * Whether to round the output's size up. False (default): windows that pass the right or bottom edge of the padded image
   * are left out. True: they are clipped, as in the framework of the paper's authors (28 -> 14 with kernel 3, stride 2).
   */
  ceil?: boolean;
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

/** Schema of the options of poolings. */
export const poolFields: Fields<PoolOptions> = {
  kernel: pairField,
  stride: pairField,
  padding: optional(paddingField),
  ceil: optional(flag),
  name: optional(text),
};

const maxPoolOptions = opOptions('maxPool', poolFields);
const averagePoolOptions = opOptions('averagePool', poolFields);

/** Returns the attributes of a pooling. @throws ERR_INVALID_ARGUMENT if the numbers do not fit together */
export function encodePool({ kernel, stride, padding = 0, ceil = false }: PoolOptions): Record<string, number> {
  const [kernelH, kernelW] = pair('kernel', kernel, 1);
  const [strideH, strideW] = pair('stride', stride, 1);
  const { top, bottom, left, right } = sides('padding', padding);
  checkInteger('kernel height times width', kernelH * kernelW, 1, 256);
  const pads = { padTop: top, padBottom: bottom, padLeft: left, padRight: right };
  const isPair = top === bottom && left === right;
  for (const [index, side] of (isPair ? [top, left] : [top, bottom, left, right]).entries()) {
    const kernelSize = index < (isPair ? 1 : 2) ? kernelH : kernelW;
    checkInteger(`padding[${index}]`, side, 0, kernelSize - 1);
  }
  return { kernelH, kernelW, strideH, strideW, ...pads, sum: 0, ceil: ceil ? 1 : 0 };
}

/** Returns the options of a pooling from its node. */
function savedPool({ attributes }: Node): SavedOptions {
  const of = (name: string) => pairOf(attributes, name);
  return { kernel: of('kernel'), stride: of('stride'), padding: paddingOf(attributes), ceil: attributes.ceil === 1 };
}

/**
 * Returns the spec of a pooling's output. Windows that would begin after the image are left out, so no window is empty.
 * @throws ERR_SHAPE
 */
function poolShape(op: string, x: Tensor, attributes: Readonly<Record<string, number>>): TensorSpec {
  const { kernelH = 1, kernelW = 1, strideH = 1, strideW = 1, ceil = 0 } = attributes;
  const { padTop = 0, padBottom = 0, padLeft = 0, padRight = 0 } = attributes;
  const size = (
    length: number,
    kernel: number,
    stride: number,
    [before, behind]: readonly [number, number],
  ): number => {
    const steps = (length + before + behind - kernel) / stride;
    const count = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
    return Math.min(count, Math.floor((length + before - 1) / stride) + 1);
  };
  const height = size(dimension(x.shape, 1), kernelH, strideH, [padTop, padBottom]);
  const width = size(dimension(x.shape, 2), kernelW, strideW, [padLeft, padRight]);
  if (height < 1 || width < 1)
    throw shapeError(op, 'x', `an image that holds a ${kernelH}x${kernelW} window`, [...x.shape]);
  return { dtype: 'f32', shape: [dimension(x.shape, 0), height, width, dimension(x.shape, 3)], image: true };
}

/**
 * y = the largest value of each window, and its position in the unclipped window, counted row by row, for the gradient. x [N,
 * H, W, C] -> y [N, H', W', C], indices u8 of the same shape. Of equal values the first is taken; NaN counts as the largest.
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
  saved: {
    options: savedPool,
    make: ([x], options, name) => maxPool(x, { ...(options as PoolOptions), name }),
  },
};

/**
 * Returns the largest value of each window, clipped at the image's edges: [N, H, W, C] -> [N, H', W', C], with H' = floor((H +
 * padding above + padding below - kernel) / stride) + 1 (or ceil), and W' likewise. NaN counts as the largest.
 * @throws ERR_SHAPE if x is no image or smaller than a window; ERR_INVALID_ARGUMENT for the options
 */
export function maxPool(x: Tensor, options: PoolOptions): Tensor {
  const checked = maxPoolOptions.check(options);
  return first(apply(maxPoolOp, [x], encodePool(checked), checked.name));
}

/** dx = for each element, the sum of dy over the windows whose maximum it was. dy, indices [N, H', W', C] -> dx [N, H, W, C]. */
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

/**
 * Returns dx of maxPool(). `attributes` are those of the forward node.
 * @param shape of x, which dy does not tell
 * @throws ERR_SHAPE
 */
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

/** y = the mean of each window, over its pixels inside of the image. x [N, H, W, C] -> y [N, H', W', C]. */
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
  saved: {
    options: savedPool,
    make: ([x], options, name) => averagePool(x, { ...(options as PoolOptions), name }),
  },
};

/**
 * Returns the mean of each window, over its pixels inside of the image: [N, H, W, C] -> [N, H', W', C], with H' and W' as in
 * maxPool().
 * @throws ERR_SHAPE if x is no image or smaller than a window; ERR_INVALID_ARGUMENT for the options
 */
export function averagePool(x: Tensor, options: PoolOptions): Tensor {
  const checked = averagePoolOptions.check(options);
  return first(apply(averagePoolOp, [x], encodePool(checked), checked.name));
}

/**
 * dx = for each element, the sum of dy / (pixels of the clipped window) over the windows that contain it.
 * dy [N, H', W', C] -> dx [N, H, W, C].
 */
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

/**
 * Returns dx of averagePool(). `attributes` are those of the forward node.
 * @param shape of x, which dy does not tell
 * @throws ERR_SHAPE
 */
export function averagePoolGradient(
  dy: Tensor,
  shape: readonly number[],
  attributes: Readonly<Record<string, number>>,
  name?: string,
): Tensor {
  const size = { height: dimension(shape, 1), width: dimension(shape, 2) };
  return first(apply(averagePoolGradientOp, [dy], { ...attributes, ...size }, name));
}

/** y = the mean over height and width. x [N, H, W, C] -> y [N, C]. */
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
  saved: {
    options: noSavedOptions,
    make: ([x], options, name) => globalAveragePool(x, { ...options, name }),
  },
};

const globalAveragePoolOptions = opOptions<{ name?: string }>('globalAveragePool', { name: optional(text) });

/**
 * Returns the mean over height and width: [N, H, W, C] -> [N, C].
 * @param x an image, f32 [N, H, W, C]
 * @param options `name`: name of the layer, for messages and traces; default: the op's name
 * @throws ERR_SHAPE if x is no image
 */
export function globalAveragePool(x: Tensor, options: { name?: string } = {}): Tensor {
  const { name } = globalAveragePoolOptions.check(options);
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

/** Returns dx [N, H, W, C] of globalAveragePool(). @param shape of x @throws ERR_SHAPE */
export function globalAveragePoolGradient(dy: Tensor, shape: readonly number[], name?: string): Tensor {
  const size = { height: dimension(shape, 1), width: dimension(shape, 2) };
  return first(apply(globalAveragePoolGradientOp, [dy], size, name));
}

/**
 * y = the largest value over height and width, and the number of its pixel, counted row by row, for the gradient. x [N, H, W, C] ->
 * y [N, C], indices i32 [N, C]. Of equal values the first is taken; NaN counts as the largest.
 */
export const globalMaxPoolOp: Op = {
  name: 'globalMaxPool',
  attributes: [],
  readsSlices: true,
  writesSlices: false,
  halfImages: true,
  optionalOutputs: [1],
  inferShape([x]) {
    const image = expectTensor('globalMaxPool', 'x', x, { rank: 4, image: true });
    const shape = [dimension(image.shape, 0), dimension(image.shape, 3)];
    return [
      { dtype: 'f32', shape, image: false },
      { dtype: 'i32', shape, image: false },
    ];
  },
  gradient({ inputs: [x], outputs: [, indices], name }, [dy]) {
    if (!dy || !x || !indices) return [];
    const size = { height: dimension(x.shape, 1), width: dimension(x.shape, 2) };
    return [first(apply(globalMaxPoolGradientOp, [dy, indices], size, name))];
  },
  saved: {
    options: noSavedOptions,
    make: ([x], options, name) => globalMaxPool(x, { ...options, name }),
  },
};

const globalMaxPoolOptions = opOptions<{ name?: string }>('globalMaxPool', { name: optional(text) });

/**
 * Returns the largest value over height and width: [N, H, W, C] -> [N, C]. NaN counts as the largest. The gradient goes to the first of
 * equal values.
 * @param x an image, f32 [N, H, W, C]
 * @param options `name`: name of the layer, for messages and traces; default: the op's name
 * @throws ERR_SHAPE if x is no image
 */
export function globalMaxPool(x: Tensor, options: { name?: string } = {}): Tensor {
  const { name } = globalMaxPoolOptions.check(options);
  return first(apply(globalMaxPoolOp, [x], {}, name));
}

/** dx = dy in the pixel that was the largest, and 0 in the others. dy [N, C], indices i32 [N, C] -> dx [N, H, W, C]. */
export const globalMaxPoolGradientOp: Op = {
  name: 'globalMaxPoolGradient',
  attributes: [],
  readsSlices: false,
  writesSlices: true,
  halfImages: true,
  inferShape([dy, indices], { height = 0, width = 0 }) {
    const { shape } = expectTensor('globalMaxPoolGradient', 'dy', dy, { rank: 2 });
    const chosen = expectTensor('globalMaxPoolGradient', 'indices', indices, { dtype: 'i32', rank: 2 });
    expectShape('globalMaxPoolGradient', 'indices', chosen, shape);
    return [{ dtype: 'f32', shape: [dimension(shape, 0), height, width, dimension(shape, 1)], image: true }];
  },
};

/**
 * y = x with every pixel repeated in a window of its own. Its kernel is that of averagePoolGradient without the division. x [N, H, W, C]
 * -> y [N, strideH H, strideW W, C].
 */
export const upsampleOp: Op = {
  name: 'upsample',
  attributes: poolAttributes,
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inferShape([x], { strideH = 1, strideW = 1 }) {
    const [batch, height, width, channels] = expectTensor('upsample', 'x', x, { rank: 4, image: true })
      .shape as readonly [number, number, number, number];
    const shape = [batch, strideH * height, strideW * width, channels];
    if (sizeOf(shape) > 2 ** 31 - 1) throw shapeError('upsample', 'factor', 'a result below 2^31 elements', shape);
    return [{ dtype: 'f32', shape, image: true }];
  },
  gradient({ attributes, name }, [dy]) {
    return dy ? [first(apply(upsampleGradientOp, [dy], attributes, name))] : [];
  },
  saved: {
    options: ({ attributes }) => ({ factor: pairOf(attributes, 'stride') }),
    make: ([x], options, name) => upsample(x, { ...(options as UpsampleOptions), name }),
  },
};

/** Options of upsample(). */
export interface UpsampleOptions {
  /** How many times every row and every column is repeated: 1 to 65535. */
  factor: Pair;
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

const upsampleOptions = opOptions<UpsampleOptions>('upsample', { factor: pairField, name: optional(text) });

/**
 * Returns a larger image, whose pixels are those of x, each repeated (upsampling by the nearest neighbour): [N, H, W, C] ->
 * [N, factor H, factor W, C].
 * @throws ERR_SHAPE if x is no image or the result has 2^31 elements or more; ERR_INVALID_ARGUMENT for the options
 */
export function upsample(x: Tensor, options: UpsampleOptions): Tensor {
  const { factor, name } = upsampleOptions.check(options);
  const [strideH, strideW] = pair('factor', factor, 1);
  const windows = { kernelH: strideH, kernelW: strideW, strideH, strideW, padTop: 0, padLeft: 0, sum: 1 };
  return first(apply(upsampleOp, [x], windows, name));
}

/** dx = the sum of dy over the window of each pixel. dy [N, strideH H, strideW W, C] -> dx [N, H, W, C]. */
export const upsampleGradientOp: Op = {
  name: 'upsampleGradient',
  attributes: poolAttributes,
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inferShape: ([dy], attributes) => [
    poolShape('upsampleGradient', expectTensor('upsampleGradient', 'dy', dy, { rank: 4, image: true }), attributes),
  ],
};

/** All ops of this file. */
export const poolingOps: readonly Op[] = [
  maxPoolOp,
  maxPoolGradientOp,
  averagePoolOp,
  averagePoolGradientOp,
  globalAveragePoolOp,
  globalAveragePoolGradientOp,
  globalMaxPoolOp,
  globalMaxPoolGradientOp,
  upsampleOp,
  upsampleGradientOp,
];
