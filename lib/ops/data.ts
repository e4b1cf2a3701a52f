import { checkInteger } from '../errors';
import type { State } from '../tensor/state';
import { apply, sizeOf, type Tensor } from '../tensor/tensor';
import { dimension, expectShape, expectTensor, first, type Op, shapeError } from './op';

/**
 * A batch of crops: y = (pixel - mean) inverseDeviation. images u8 [M, H, W, C], indices i32 [N], counter i32 [2] (seed,
 * step), mean [C] or [H, W, C], inverseDeviation [C] -> y [N, OH, OW, C]. A mean per pixel is that of the pixel's place in
 * the whole image: it is cropped and mirrored with the image. With `random`: crop offset (uniform) and mirror (one half)
 * are drawn per image by Philox keyed by seed and step, so they depend on nothing else; without: centre crop.
 */
export const augmentOp: Op = {
  name: 'augment',
  attributes: [['random', 'i32']],
  readsSlices: false,
  writesSlices: false,
  samples: 0,
  halfImages: true,
  inferShape([images, indices, counter, mean, inverseDeviation], { height = 0, width = 0 }) {
    const source = expectTensor('augment', 'images', images, { dtype: 'u8', rank: 4 });
    const batch = expectTensor('augment', 'indices', indices, { dtype: 'i32', rank: 1 });
    expectShape('augment', 'counter', expectTensor('augment', 'counter', counter, { dtype: 'i32' }), [2]);
    const [, sourceHeight, sourceWidth, channels] = source.shape as [number, number, number, number];
    const pixelMean = expectTensor('augment', 'mean', mean, {});
    const meanShape = pixelMean.shape.length === 3 ? [sourceHeight, sourceWidth, channels] : [channels];
    expectShape('augment', 'mean', pixelMean, meanShape);
    const deviation = expectTensor('augment', 'inverseDeviation', inverseDeviation, {});
    expectShape('augment', 'inverseDeviation', deviation, [channels]);
    if (height < 1 || width < 1 || height > sourceHeight || width > sourceWidth) {
      throw shapeError('augment', 'size', `a crop within ${sourceHeight}x${sourceWidth}`, [height, width]);
    }
    return [{ dtype: 'f32', shape: [dimension(batch.shape, 0), height, width, channels], image: true }];
  },
};

export interface AugmentInputs {
  images: Tensor;
  indices: Tensor;
  counter: Tensor;
  mean: Tensor;
  inverseDeviation: Tensor;
}

export interface AugmentOptions {
  /** Height and width of the crop. */
  size: readonly [number, number];
  /** True in training: random crop and mirror. False: centre crop. */
  random: boolean;
  name?: string;
}

/** @throws ERR_SHAPE, ERR_INVALID_ARGUMENT */
export function augment(inputs: AugmentInputs, { size: [height, width], random, name }: AugmentOptions): Tensor {
  const { images, indices, counter, mean, inverseDeviation } = inputs;
  checkInteger('size[0]', height, 1);
  checkInteger('size[1]', width, 1);
  const attributes = { random: random ? 1 : 0, height, width };
  return first(apply(augmentOp, [images, indices, counter, mean, inverseDeviation], attributes, name));
}

/**
 * Some rows (first dimension) of weights or of a vector: x [R, ...] -> y [count, ...], from row `firstRow`. What joinRows()
 * has put together comes apart with it. Pass concatViews makes it free.
 */
export const rowsOp: Op = {
  name: 'rows',
  attributes: [['firstRow', 'i32']],
  readsSlices: false,
  writesSlices: true,
  isView: 'elements',
  inferShape([x], { firstRow = 0, count = 0 }) {
    const whole = expectTensor('rows', 'x', x, { image: false });
    const available = dimension(whole.shape, 0);
    if (count < 1 || firstRow < 0 || firstRow + count > available)
      throw shapeError('rows', 'firstRow and count', `a range within ${available} rows`, [firstRow, count]);
    return [{ dtype: 'f32', shape: [count, ...whole.shape.slice(1)], image: false }];
  },
};

/** @throws ERR_SHAPE */
export function rows(x: Tensor, { firstRow, count, name }: { firstRow: number; count: number; name?: string }): Tensor {
  return first(apply(rowsOp, [x], { firstRow, count }, name));
}

/** The same values in a buffer of their own; also turns row-major data of four dimensions into an image and back. */
export const copyOp: Op = {
  name: 'copy',
  attributes: [],
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inferShape([x], { image = 0 }) {
    if (!x) throw shapeError('copy', 'x', 'a tensor', x);
    if (image && x.shape.length !== 4) expectTensor('copy', 'x', x, { rank: 4 });
    return [{ dtype: x.dtype, shape: x.shape, image: image === 1 }];
  },
  gradient(node, [dy]) {
    const [x] = node.inputs;
    return dy && x ? [dy.image === x.image ? dy : copy(dy, { image: x.image })] : [];
  },
};

export interface CopyOptions {
  /** Whether the result is an image; default: as x is. */
  image?: boolean;
  name?: string;
}

/**
 * The values of x in a buffer of their own, [...] -> [...].
 * @throws ERR_INVALID_ARGUMENT; ERR_SHAPE if an image is asked for and x has not four dimensions
 */
export function copy(x: Tensor, { image = x.image, name }: CopyOptions = {}): Tensor {
  return first(apply(copyOp, [x], { image: image ? 1 : 0 }, name));
}

const offsetsOf = (attributes: Readonly<Record<string, number>>, count: number): number[] =>
  Array.from({ length: count }, (_, index) => attributes[`offset${index}`] ?? 0);

/**
 * Tensors one after the other in a flat buffer, each at its own first element: gradients in the State's arena. With
 * attribute `joined` without gaps, and the output has their shape but for the first dimension, which is the sum of theirs;
 * with attribute `rows` the output is a matrix of so many rows.
 */
export const packOp: Op = {
  name: 'pack',
  attributes: [],
  encode: (node) => new Uint8Array(Int32Array.from(offsetsOf(node.attributes, node.inputs.length)).buffer),
  readsSlices: false,
  writesSlices: true,
  gathers: 'elements',
  inferShape(inputs, attributes) {
    const { size = 0, rows = 0 } = attributes;
    const offsets = offsetsOf(attributes, inputs.length);
    inputs.forEach((tensor, index) => {
      const end = (offsets[index] ?? 0) + expectTensor('pack', `input ${index}`, tensor, { image: false }).size;
      if (end > (offsets[index + 1] ?? size))
        throw shapeError('pack', `input ${index}`, 'elements that do not overlap', end);
    });
    if (attributes.joined) return [{ dtype: 'f32', shape: joinedShape(inputs), image: false }];
    return [{ dtype: 'f32', shape: rows > 0 ? [rows, size / rows] : [size], image: false }];
  },
};

function joinedShape(inputs: readonly (Tensor | null)[]): number[] {
  const [, ...row] = expectTensor('pack', 'input 0', inputs[0], {}).shape;
  const counts = inputs.map((tensor, index) => {
    const checked = expectTensor('pack', `input ${index}`, tensor, {});
    const count = dimension(checked.shape, 0);
    expectShape('pack', `input ${index}`, checked, [count, ...row]);
    return count;
  });
  return [counts.reduce((sum, count) => sum + count, 0), ...row];
}

/** Tensors that differ in their first dimension at most, joined along it: [R_i, ...] -> [ΣR_i, ...]. @throws ERR_SHAPE */
export function joinRows(tensors: readonly Tensor[], name?: string): Tensor {
  const attributes: Record<string, number> = { joined: 1 };
  let size = 0;
  tensors.forEach((tensor, index) => {
    attributes[`offset${index}`] = size;
    size += sizeOf(tensor.shape);
  });
  return first(apply(packOp, tensors, { ...attributes, size }, name));
}

/** The gradients of all of a State's parameters, in its order, as one vector [state.size] in its gradient arena. */
export function packGradients(state: State, gradients: readonly Tensor[]): Tensor {
  const attributes: Record<string, number> = { size: state.size };
  state.parameters.forEach((parameter, index) => {
    attributes[`offset${index}`] = state.offsetOf(parameter);
  });
  return first(
    apply(packOp, gradients, attributes, 'gradients', { kind: 'state', state, arena: 'gradients', byteOffset: 0 }),
  );
}

export const dataOps: readonly Op[] = [augmentOp, rowsOp, copyOp, packOp];
