import { invalid } from '../errors';
import { arrayOf, integer, optional, text } from '../options/field';
import { checkArgument, Options } from '../options/options';
import {
  apply,
  constant,
  isTensor,
  noSavedOptions,
  type Op,
  type SavedOptions,
  sizeOf,
  type Tensor,
  tensorField,
} from '../tensor/tensor';
import { copy } from './data';
import { dimension, expectShape, expectTensor, first, opOptions, shapeError } from './op';

/** Largest number of inputs of one `add` node. */
const most = 8;

/** y = the sum of 2 to 8 tensors of one shape, in one pass over memory. */
export const addOp: Op = {
  name: 'add',
  attributes: [],
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inPlace: true,
  sums: true,
  inferShape(inputs) {
    if (inputs.length < 2 || inputs.length > most)
      throw shapeError('add', 'inputs', `2 to ${most} tensors`, inputs.length);
    const model = expectTensor('add', 'input 0', inputs[0], {});
    inputs.forEach((tensor, index) => {
      const checked = expectTensor('add', `input ${index}`, tensor, { image: model.image });
      expectShape('add', `input ${index}`, checked, model.shape);
    });
    return [{ dtype: 'f32', shape: model.shape, image: model.image }];
  },
  gradient: (node, [dy]) => node.inputs.map(() => dy ?? null),
  saved: { options: noSavedOptions, make: (inputs) => add(...inputs) },
};

/**
 * Returns the sum of one or more f32 tensors of one shape, element by element, in that shape.
 * @param tensors any number from 1 on; a single one is returned as it is
 * @throws ERR_SHAPE if there is none, or they differ in shape or kind (one is an image, another is not)
 */
export function add(...tensors: readonly Tensor[]): Tensor {
  if (tensors.length === 1) return expectTensor('add', 'input 0', tensors[0], {});
  if (tensors.length <= most) return first(apply(addOp, tensors));
  return add(first(apply(addOp, tensors.slice(0, most))), ...tensors.slice(most));
}

/**
 * y = a b factor, element by element, of two tensors of one shape; without b: y = a factor. a, b: any shape. Only one of the two factors
 * of a public multiply() is there, so the gradients are products of the same form.
 */
export const multiplyOp: Op = {
  name: 'multiply',
  attributes: [['factor', 'f32']],
  readsSlices: false,
  writesSlices: false,
  inPlace: true,
  inferShape([a, b]) {
    const { shape, image } = expectTensor('multiply', 'a', a, {});
    if (b) expectShape('multiply', 'b', expectTensor('multiply', 'b', b, { image }), shape);
    return [{ dtype: 'f32', shape, image }];
  },
  gradient({ inputs: [a, b], attributes, name }, [dy], [aNeeded, bNeeded]) {
    if (!dy || !a) return [];
    const times = (other: Tensor | null) => first(apply(multiplyOp, [dy, other], attributes, name));
    return [aNeeded ? times(b ?? null) : null, b && bNeeded ? times(a) : null];
  },
  saved: {
    options: ({ inputs: [, b], attributes: { factor = 1 } }): SavedOptions => (b ? {} : { factor }),
    make: ([a, b], { factor }: { factor?: number }, name) => multiply(a, b ?? factor, { name }),
  },
};

const multiplyOptions = opOptions<{ name?: string }>('multiply', { name: optional(text) });

/**
 * Returns the product of a tensor with another one of its shape, element by element, or with a number. Both tensors have a gradient.
 * affine() multiplies the channels of an image by numbers that are the same for all pixels.
 * @param a f32, any shape
 * @param b f32 of the shape of a (it may be a itself), or a finite number
 * @param options `name`: name of the layer, for messages and traces; default: the op's name
 * @throws ERR_SHAPE if the tensors differ in shape or kind (one is an image, another is not); ERR_INVALID_ARGUMENT for b
 */
export function multiply(a: Tensor, b: Tensor | number, options: { name?: string } = {}): Tensor {
  const { name } = multiplyOptions.check(options);
  if (isTensor(b)) return first(apply(multiplyOp, [a, b], { factor: 1 }, name));
  const factor = typeof b === 'number' ? Math.fround(b) : Number.NaN;
  if (!Number.isFinite(factor)) throw invalid('b of multiply()', 'a Tensor, or a finite number that f32 can hold', b);
  return first(apply(multiplyOp, [a, null], { factor }, name));
}

/** Images joined along their channels: [N, H, W, C_i] -> [N, H, W, ΣC_i]. Pass concatViews removes the copies. */
export const concatOp: Op = {
  name: 'concat',
  attributes: [],
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  gathers: 'channels',
  inferShape(inputs) {
    if (inputs.length === 0) throw shapeError('concat', 'inputs', 'at least one image', inputs.length);
    const model = expectTensor('concat', 'input 0', inputs[0], { rank: 4, image: true });
    let channels = 0;
    inputs.forEach((tensor, index) => {
      const image = expectTensor('concat', `input ${index}`, tensor, { rank: 4, image: true });
      const own = dimension(image.shape, 3);
      expectShape('concat', `input ${index}`, image, [...model.shape.slice(0, 3), own]);
      channels += own;
    });
    return [{ dtype: 'f32', shape: [...model.shape.slice(0, 3), channels], image: true }];
  },
  gradient(node, [dy], needed) {
    if (!dy) return [];
    let channelOffset = 0;
    return node.inputs.map((tensor, index) => {
      const channels = tensor ? dimension(tensor.shape, 3) : 0;
      const dx = needed[index] ? slice(dy, { channelOffset, channels, name: node.name }) : null;
      channelOffset += channels;
      return dx;
    });
  },
  saved: {
    options: noSavedOptions,
    make: (inputs, options, name) => concat(inputs, { ...options, name }),
  },
};

const tensorsField = arrayOf(tensorField, 'an array of Tensors');
const concatOptions = opOptions<{ name?: string }>('concat', { name: optional(text) });

/**
 * Returns images joined along their channels: [N, H, W, C_i] -> [N, H, W, ΣC_i].
 * @param tensors one or more images
 * @param options `name`: name of the layer, for messages and traces; default: the op's name
 * @throws ERR_SHAPE if there is none, or they differ in N, H or W or are not images; ERR_INVALID_ARGUMENT if `tensors` is not an array
 */
export function concat(tensors: readonly Tensor[], options: { name?: string } = {}): Tensor {
  checkArgument('tensors', tensorsField, tensors);
  const { name } = concatOptions.check(options);
  return first(apply(concatOp, tensors, {}, name));
}

/** Channels channelOffset to channelOffset + channels - 1 of an image. Pass concatViews removes the copy. */
export const sliceOp: Op = {
  name: 'slice',
  attributes: [['channelOffset', 'i32']],
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  isView: 'channels',
  inferShape([x], { channelOffset = 0, channels = 0 }) {
    const image = expectTensor('slice', 'x', x, { rank: 4, image: true });
    const available = dimension(image.shape, 3);
    if (channels < 1 || channelOffset + channels > available) {
      throw shapeError('slice', 'channelOffset and channels', `a range within ${available} channels`, [
        channelOffset,
        channels,
      ]);
    }
    return [{ dtype: 'f32', shape: [...image.shape.slice(0, 3), channels], image: true }];
  },
  gradient(node, [dy]) {
    const [x] = node.inputs;
    if (!dy || !x) return [];
    const { channelOffset = 0, channels = 0 } = node.attributes;
    const after = dimension(x.shape, 3) - channelOffset - channels;
    const parts = [zeros(x.shape, channelOffset), dy, zeros(x.shape, after)];
    return [concat(parts.filter((part) => part !== null))];
  },
  saved: {
    options: ({ attributes: { channelOffset = 0, channels = 0 } }) => ({ channelOffset, channels }),
    make: ([x], options, name) => slice(x, { ...(options as SliceOptions), name }),
  },
};

/** Returns an image of zeros with this number of channels; null for 0. A constant is no image, so a copy makes one of it. */
function zeros(shape: readonly number[], channels: number): Tensor | null {
  if (channels === 0) return null;
  const own = [...shape.slice(0, 3), channels];
  return copy(constant(new Float32Array(sizeOf(own)), own), { image: true });
}

/** Options of slice(). */
export interface SliceOptions {
  /** First channel, at least 0. */
  channelOffset: number;
  /** Number of channels, at least 1. */
  channels: number;
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

const sliceOptions = opOptions<SliceOptions>('slice', {
  channelOffset: integer(0),
  channels: integer(1),
  name: optional(text),
});

/**
 * Returns `channels` channels of an image, from channel `channelOffset` on: [N, H, W, C] -> [N, H, W, channels].
 * @throws ERR_SHAPE if x is no image or has fewer channels; ERR_INVALID_ARGUMENT
 */
export function slice(x: Tensor, options: SliceOptions): Tensor {
  const { channelOffset, channels, name } = sliceOptions.check(options);
  return first(apply(sliceOp, [x], { channelOffset, channels }, name));
}

/** Whether a tensor has numbers for each channel of an image: [C], or [N, C] with those of each image. */
function isPerChannel({ shape, image }: Tensor, [batch, , , channels]: readonly number[]): boolean {
  const perImage = shape.length === 2;
  return !image && shape.length <= 2 && shape.at(-1) === channels && (!perImage || shape[0] === batch);
}

/** Checks scale and bias of an affine node, of which either may be absent. @throws ERR_SHAPE */
function checkVectors(x: Tensor, vectors: Readonly<Record<string, Tensor | null | undefined>>): void {
  const [batch, , , channels] = x.shape;
  for (const [name, tensor] of Object.entries(vectors)) {
    if (!tensor || isPerChannel(expectTensor('affine', name, tensor, {}), x.shape)) continue;
    throw shapeError('affine', name, `shape [${channels}] or [${batch}, ${channels}]`, [...tensor.shape]);
  }
}

/**
 * y = x scale + bias, with numbers per channel that are the same for all pixels: [C], or [N, C] with those of each image. Either may be
 * absent: 1 and 0. x [N, H, W, C] -> y [N, H, W, C].
 */
export const affineOp: Op = {
  name: 'affine',
  attributes: [],
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inPlace: true,
  inferShape([x, scale, bias]) {
    const { shape } = expectTensor('affine', 'x', x, { rank: 4, image: true });
    if (!scale && !bias) throw shapeError('affine', 'scale and bias', 'at least one tensor', null);
    checkVectors(x as Tensor, { scale, bias });
    return [{ dtype: 'f32', shape, image: true }];
  },
  gradient({ inputs: [x, scale, bias], name }, [dy], [xNeeded, scaleNeeded, biasNeeded]) {
    if (!dy || !x) return [];
    const dx = scale ? affine(dy, { scale, name }) : dy;
    return [
      xNeeded ? dx : null,
      scale && scaleNeeded ? affineGradient(dy, x, scale, name) : null,
      bias && biasNeeded ? affineGradient(dy, null, bias, name) : null,
    ];
  },
  saved: {
    options: noSavedOptions,
    make: ([x, scale, bias], options, name) =>
      affine(x, { ...options, scale: scale ?? undefined, bias: bias ?? undefined, name }),
  },
};

/** Options of affine(), of which `scale` or `bias` must be given. */
export interface AffineOptions {
  /** The factors: [C], or [N, C] with those of each image. Default: 1. */
  scale?: Tensor;
  /** What is added: [C], or [N, C]. Default: 0. */
  bias?: Tensor;
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

const affineOptions = new Options<AffineOptions>('affine()', {
  scale: optional(tensorField),
  bias: optional(tensorField),
  name: optional(text),
});

/**
 * Returns x scale + bias, with numbers per channel that are the same for all pixels, of all images ([C]: a learned scale) or of each
 * image ([N, C]: squeeze-and-excitation, arXiv:1709.01507). [N, H, W, C] -> [N, H, W, C].
 * @param x an image, f32 [N, H, W, C]
 * @param options scale, bias (at least one of them) and name
 * @throws ERR_SHAPE if x is no image, a vector does not fit, or neither is given; ERR_INVALID_ARGUMENT for the options
 */
export function affine(x: Tensor, options: AffineOptions): Tensor {
  const { scale, bias, name } = affineOptions.check(options);
  return first(apply(affineOp, [x, scale ?? null, bias ?? null], {}, name));
}

/**
 * The gradients of scale and bias: the sum of dy x, or of dy if x is absent, over the pixels of each image (attribute `perImage`) or of
 * all. The order of the sum is fixed. dy, x [N, H, W, C] -> [N, C] or [C].
 */
export const affineGradientOp: Op = {
  name: 'affineGradient',
  attributes: [],
  readsSlices: true,
  writesSlices: false,
  halfImages: true,
  inferShape([dy, x], { perImage = 0 }) {
    const { shape } = expectTensor('affineGradient', 'dy', dy, { rank: 4, image: true });
    if (x) expectShape('affineGradient', 'x', expectTensor('affineGradient', 'x', x, { rank: 4, image: true }), shape);
    const [batch, channels] = [dimension(shape, 0), dimension(shape, 3)];
    return [{ dtype: 'f32', shape: perImage ? [batch, channels] : [channels], image: false }];
  },
};

/** Returns the gradient of affine()'s scale, or of its bias if x is null, in the shape of `vector`. @throws ERR_SHAPE */
export function affineGradient(dy: Tensor, x: Tensor | null, vector: Tensor, name?: string): Tensor {
  return first(apply(affineGradientOp, [dy, x], { perImage: vector.shape.length === 2 ? 1 : 0 }, name));
}

/** All ops of this file. */
export const channelsOps: readonly Op[] = [addOp, multiplyOp, concatOp, sliceOp, affineOp, affineGradientOp];
