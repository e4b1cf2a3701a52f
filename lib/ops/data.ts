import { flag, optional, text } from '../options/field';
import type { State } from '../tensor/state';
import { apply, isTensor, noSavedOptions, type Op, sizeOf, type Tensor } from '../tensor/tensor';
import { dimension, expectShape, expectTensor, first, opOptions, shapeError } from './op';

/**
 * Rows (first dimension) of weights or of a vector: x [R, ...] -> y [count, ...], from row `firstRow` on. It takes apart what
 * joinRows() has joined. Pass concatViews removes the copy.
 */
const rowsOp: Op = {
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

/**
 * Returns `count` rows of x, from row `firstRow` on: [R, ...] -> [count, ...].
 * @throws ERR_SHAPE if x is an image or has fewer rows
 */
export function rows(x: Tensor, { firstRow, count, name }: { firstRow: number; count: number; name?: string }): Tensor {
  return first(apply(rowsOp, [x], { firstRow, count }, name));
}

/**
 * y = x, in a buffer of its own. It also turns row-major data of four dimensions into an image, and back; passes convert f32
 * to half types with it, and back.
 */
export const copyOp: Op = {
  name: 'copy',
  attributes: [],
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inferShape([x], { image = 0 }) {
    if (!isTensor(x)) throw shapeError('copy', 'x', 'a tensor', x);
    if (image && x.shape.length !== 4) expectTensor('copy', 'x', x, { rank: 4 });
    return [{ dtype: x.dtype, shape: x.shape, image: image === 1 }];
  },
  gradient(node, [dy]) {
    const [x] = node.inputs;
    return dy && x ? [dy.image === x.image ? dy : copy(dy, { image: x.image })] : [];
  },
  saved: {
    options: ({ attributes: { image } }) => ({ image: image === 1 }),
    make: ([x], options, name) => copy(x, { ...options, name }),
  },
};

/** Options of copy(). */
export interface CopyOptions {
  /** Whether the result is an image; default: whether x is one. */
  image?: boolean;
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

const copyOptions = opOptions<CopyOptions>('copy', { image: optional(flag), name: optional(text) });

/**
 * Returns x in a buffer of its own, with the same shape and dtype. It also changes the kind of a tensor: `image: true` makes an
 * image of row-major data of four dimensions, which convolutions and pools need; `image: false` makes row-major data.
 * @param x any dtype and shape
 * @param options `image` (default: as x) and name
 * @throws ERR_SHAPE if an image is asked for and x does not have four dimensions
 */
export function copy(x: Tensor, options: CopyOptions = {}): Tensor {
  const { image = x?.image, name } = copyOptions.check(options);
  return first(apply(copyOp, [x], { image: image ? 1 : 0 }, name));
}

const offsetsOf = (attributes: Readonly<Record<string, number>>, count: number): number[] =>
  Array.from({ length: count }, (_, index) => attributes[`offset${index}`] ?? 0);

/**
 * Tensors in one flat buffer, input i from element `offset{i}` on: gradients in the State's arena. The output is a vector
 * [size]; with attribute `rows`, a matrix of that many rows; with attribute `joined`, where there are no gaps, [ΣR_i, ...]
 * from inputs [R_i, ...].
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

/**
 * Returns tensors joined along their first dimension: [R_i, ...] -> [ΣR_i, ...].
 * @throws ERR_SHAPE if they differ in another one
 */
export function joinRows(tensors: readonly Tensor[], name?: string): Tensor {
  const attributes: Record<string, number> = { joined: 1 };
  let size = 0;
  tensors.forEach((tensor, index) => {
    attributes[`offset${index}`] = size;
    size += sizeOf(tensor.shape);
  });
  return first(apply(packOp, tensors, { ...attributes, size }, name));
}

/** Returns the elements of f32 tensors, one tensor after the other: [Σ size]. @throws ERR_SHAPE */
export function packElements(tensors: readonly Tensor[]): Tensor {
  const attributes: Record<string, number> = {};
  let size = 0;
  tensors.forEach((tensor, index) => {
    attributes[`offset${index}`] = size;
    size += tensor.size;
  });
  return first(apply(packOp, tensors, { ...attributes, size }));
}

/**
 * Returns the gradients of a State's parameters, given in its order, as one vector [state.size] in its gradient arena.
 * @throws ERR_SHAPE
 */
export function packGradients(state: State, gradients: readonly Tensor[]): Tensor {
  const attributes: Record<string, number> = { size: state.size };
  state.parameters.forEach((parameter, index) => {
    attributes[`offset${index}`] = state.offsetOf(parameter);
  });
  return first(
    apply(packOp, gradients, attributes, 'gradients', { kind: 'state', state, arena: 'gradients', byteOffset: 0 }),
  );
}

/**
 * y = each image as one row, whose elements are in the order of [H, W, C]. x [N, H, W, C] -> y [N, H W C]. It copies: a view would keep
 * a whole plan of the CPU from blocked layouts (docs/design.md).
 */
const flattenOp: Op = {
  name: 'flatten',
  attributes: [],
  readsSlices: true,
  writesSlices: false,
  halfImages: true,
  inferShape([x]) {
    const { shape } = expectTensor('flatten', 'x', x, { rank: 4, image: true });
    return [{ dtype: 'f32', shape: [dimension(shape, 0), sizeOf(shape.slice(1))], image: false }];
  },
  gradient({ inputs: [x], name }, [dy]) {
    if (!dy || !x) return [];
    const [height, width, channels] = x.shape.slice(1) as [number, number, number];
    return [first(apply(flattenGradientOp, [dy], { height, width, channels }, name))];
  },
  saved: {
    options: noSavedOptions,
    make: ([x], options, name) => flatten(x, { ...options, name }),
  },
};

const flattenOptions = opOptions<{ name?: string }>('flatten', { name: optional(text) });

/**
 * Returns each image as one row, for a linear layer: [N, H, W, C] -> [N, H W C], in the order of [H, W, C]. PyTorch's order is
 * [C, H, W]: `saturnn convert` reorders the weights of the linear layer (docs/weights.md).
 * @param x an image, f32 [N, H, W, C]
 * @param options `name`: name of the layer, for messages and traces; default: the op's name
 * @throws ERR_SHAPE if x is no image
 */
export function flatten(x: Tensor, options: { name?: string } = {}): Tensor {
  const { name } = flattenOptions.check(options);
  return first(apply(flattenOp, [x], {}, name));
}

/** dx = the rows of dy as images. dy [N, H W C] -> dx [N, H, W, C]. */
const flattenGradientOp: Op = {
  name: 'flattenGradient',
  attributes: [],
  readsSlices: false,
  writesSlices: true,
  halfImages: true,
  inferShape([dy], { height = 0, width = 0, channels = 0 }) {
    const { shape } = expectTensor('flattenGradient', 'dy', dy, { rank: 2, image: false });
    const batch = dimension(shape, 0);
    expectShape('flattenGradient', 'dy', dy as Tensor, [batch, height * width * channels]);
    return [{ dtype: 'f32', shape: [batch, height, width, channels], image: true }];
  },
};

/** All ops of this file. */
export const dataOps: readonly Op[] = [rowsOp, copyOp, packOp, flattenOp, flattenGradientOp];
