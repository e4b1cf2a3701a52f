/** Orders of a weight's elements: PyTorch's and saturnn's, and how one becomes the other. */
import { custom, type Field } from '../options/field';

/**
 * How a weight lies in PyTorch, if not as in saturnn:
 *
 * - "convolution": [outputs, inputs, height, width], which is [outputs, height, width, inputs] in saturnn;
 * - "transposed": [inputs, outputs], which is [outputs, inputs] in saturnn;
 * - "flattened CxHxW": a linear layer behind an image [C, H, W] that was flattened. Its inputs are in the order of [H, W, C] in
 *   saturnn;
 * - "same": as in saturnn.
 */
export type WeightLayout = 'convolution' | 'transposed' | 'same' | `flattened ${number}x${number}x${number}`;

const flattened = /^flattened ([1-9]\d{0,8})x([1-9]\d{0,8})x([1-9]\d{0,8})$/;

const isLayout = (value: unknown): value is WeightLayout =>
  value === 'convolution' ||
  value === 'transposed' ||
  value === 'same' ||
  (typeof value === 'string' && flattened.test(value));

/** Accepts a WeightLayout. */
export const layoutField: Field<WeightLayout> = custom(
  '"convolution", "transposed", "same" or "flattened CxHxW"',
  isLayout,
);

/** The layout of a weight for which nothing else is said. */
export const usualLayout = (shape: readonly number[]): WeightLayout => (shape.length === 4 ? 'convolution' : 'same');

/**
 * A weight as an array of more dimensions, whose order is another one in PyTorch: `axes` are the dimensions of PyTorch's order, as
 * dimensions of saturnn's.
 */
export interface Order {
  readonly dimensions: readonly number[];
  readonly axes: readonly number[];
  /** The shape in PyTorch. */
  readonly shape: readonly number[];
}

/** Returns how a weight of a shape in saturnn lies in PyTorch; null if the layout does not apply to such a shape. */
export function orderOf(layout: WeightLayout, shape: readonly number[]): Order | null {
  if (layout === 'same') return { dimensions: shape, axes: shape.map((_, axis) => axis), shape };
  if (layout === 'convolution') return shape.length === 4 ? permuted(shape, [0, 3, 1, 2]) : null;
  if (layout === 'transposed') return shape.length === 2 ? permuted(shape, [1, 0]) : null;
  const [channels, height, width] = flattened.exec(layout)!.slice(1).map(Number) as [number, number, number];
  if (shape.length !== 2 || channels * height * width !== shape[1]) return null;
  return { dimensions: [shape[0]!, height, width, channels], axes: [0, 3, 1, 2], shape };
}

const permuted = (dimensions: readonly number[], axes: readonly number[]): Order => ({
  ...{ dimensions, axes },
  shape: axes.map((axis) => dimensions[axis]!),
});

/** Whether the elements lie in the same order in both. */
export function isSameOrder({ dimensions, axes }: Order): boolean {
  // Dimensions of 1 may stand anywhere.
  const moving = axes.filter((axis) => dimensions[axis] !== 1);
  return moving.every((axis, index) => index === 0 || axis > moving[index - 1]!);
}

/** Returns elements in PyTorch's order from saturnn's, or with `back` in saturnn's from PyTorch's: a copy. */
export function reorder(data: Float32Array, { dimensions, axes }: Order, back: boolean): Float32Array {
  const strides = dimensions.map((_, axis) => dimensions.slice(axis + 1).reduce((product, size) => product * size, 1));
  const result = new Float32Array(data.length);
  // Four dimensions at most: missing ones have one element.
  const [a = 0, b = 0, c = 0, d = 0] = axes.map((axis) => strides[axis]!);
  const [sizeA = 1, sizeB = 1, sizeC = 1, sizeD = 1] = axes.map((axis) => dimensions[axis]!);
  let at = 0;
  for (let i = 0; i < sizeA; i++)
    for (let j = 0; j < sizeB; j++)
      for (let k = 0; k < sizeC; k++)
        for (let l = 0; l < sizeD; l++, at++) {
          const own = i * a + j * b + k * c + l * d;
          if (back) result[own] = data[at]!;
          else result[at] = data[own]!;
        }
  return result;
}

/** Whether two shapes differ in dimensions of 1 only. */
export function isSameButForOnes(a: readonly number[], b: readonly number[]): boolean {
  const [one, other] = [a, b].map((shape) => shape.filter((size) => size !== 1).join());
  return one === other;
}
