/** Changes of order, shape and size that carry no arithmetic: from ONNX's arrangement of values to saturnn's, and back. */
import type { Values } from './case';
import { NotClaimed } from './reasons';

/** Returns the number of elements of a shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);

/** Returns the same values in another shape of as many elements. */
export function reshaped({ shape, data }: Values, to: readonly number[]): Values {
  if (sizeOf(shape) !== sizeOf(to)) throw new RangeError(`[${shape}] does not have the elements of [${to}]`);
  return { shape: to, data };
}

/** Returns, for each axis, the distance of neighbours along it. */
function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** Returns values of `shape`, of which the one at coordinates (i, j, ...) is at i strides[0] + j strides[1] + ... in `data`. */
function gathered(data: Float32Array, shape: readonly number[], strides: readonly number[]): Values {
  const result = new Float32Array(sizeOf(shape));
  const at = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      at[axis]!++;
      if (at[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      at[axis] = 0;
    }
  }
  return { shape, data: result };
}

/** Returns values with their axes in another order: axis i of the result is axis order[i]. */
export function transposed({ shape, data }: Values, order: readonly number[]): Values {
  const strides = stridesOf(shape);
  return gathered(
    data,
    order.map((axis) => shape[axis]!),
    order.map((axis) => strides[axis]!),
  );
}

/** Returns the order that undoes an order of axes. */
export function inverse(order: readonly number[]): number[] {
  const undone = new Array<number>(order.length).fill(0);
  order.forEach((axis, index) => {
    undone[axis] = index;
  });
  return undone;
}

/** Returns the shape to which several are broadcast, by numpy's rule. */
export function commonShape(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) =>
    Math.max(...shapes.map((shape) => shape[axis - (rank - shape.length)] ?? 1)),
  );
}

/** Returns values repeated along the axes where `to` is larger, by numpy's rule. */
export function broadcast({ shape, data }: Values, to: readonly number[]): Values {
  const padded = [...new Array<number>(to.length - shape.length).fill(1), ...shape];
  const strides = stridesOf(padded).map((stride, axis) => (padded[axis] === 1 ? 0 : stride));
  return gathered(data, to, strides);
}

/** Returns an axis that may be counted from the end (-1 is the last). */
export const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Values in saturnn's arrangement, and the way back to ONNX's for a result. */
export interface Arranged {
  readonly values: Values;
  /** Returns a result in ONNX's arrangement. Its last axis, and height and width of an image, may have changed. */
  readonly back: (result: Values) => Values;
}

/**
 * Returns ONNX's [N, C, W] or [N, C, H, W] as saturnn has images: [N, H, W, C], with H = 1 where there is none.
 * @throws NotClaimed for more dimensions
 */
export function imageOf(values: Values): Arranged {
  const rank = values.shape.length;
  if (rank !== 3 && rank !== 4) throw new NotClaimed('rank');
  const flat = rank === 4 ? values : reshaped(values, [...values.shape.slice(0, 2), 1, values.shape[2]!]);
  return {
    values: transposed(flat, [0, 2, 3, 1]),
    back(result) {
      const planes = transposed(result, [0, 3, 1, 2]);
      const { shape } = planes;
      return rank === 4 ? planes : reshaped(planes, [shape[0]!, shape[1]!, shape[3]!]);
    },
  };
}

/**
 * Returns values as an image whose channels are one axis of them; the other axes, in their order, are batch, height and width: the first
 * ones joined where there are more than three.
 */
export function channelsAre(axis: number, values: Values): Arranged {
  const rank = values.shape.length;
  const others = Array.from({ length: rank }, (_, index) => index).filter((index) => index !== axis);
  const order = [...others, axis];
  const moved = transposed(values, order);
  const outer = moved.shape.slice(0, -1);
  const joined = sizeOf(outer.slice(0, Math.max(0, outer.length - 2)));
  const kept = outer.slice(Math.max(0, outer.length - 2));
  const sides = [joined, ...new Array<number>(2 - kept.length).fill(1), ...kept];
  return {
    values: reshaped(moved, [...sides, moved.shape.at(-1)!]),
    back: (result) => transposed(reshaped(result, [...outer, result.shape.at(-1)!]), inverse(order)),
  };
}

/** Returns values as an image of one pixel per row, whose channels are their last axis. */
export function rowsOf(values: Values): Arranged {
  const { shape } = values;
  const channels = shape.at(-1) ?? 1;
  return {
    values: reshaped(values, [sizeOf(shape) / channels, 1, 1, channels]),
    back: (result) => reshaped(result, shape),
  };
}

/** Returns values as activations have them: four dimensions are an image, fewer stay as they are, and of more the first are joined. */
export function elementsOf(values: Values): Arranged & { readonly image: boolean } {
  const { shape } = values;
  if (shape.length === 4) return { ...imageOf(values), image: true };
  const most = [sizeOf(shape.slice(0, Math.max(0, shape.length - 3))), ...shape.slice(-3)];
  const flat = shape.length === 0 ? [1] : shape.length < 4 ? shape : most;
  return { values: reshaped(values, flat), back: (result) => reshaped(result, shape), image: false };
}
