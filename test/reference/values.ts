/**
 * The tensors of the references: dense, row-major float64 arrays. An image is [batch, height, width, channels]. float64 holds
 * every f32, i32 and u8 exactly, so one kind of array serves for all dtypes.
 */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export type Attributes = Readonly<Record<string, number>>;
export type Shape = readonly number[];

export function zeros(shape: Shape): Values {
  return { shape, data: new Float64Array(shape.reduce((product, d) => product * d, 1)) };
}

/** Returns f of each element of `values`. */
export function map(values: Values, f: (value: number, index: number) => number): Values {
  const { data } = values;
  const results = new Float64Array(data.length);
  for (let i = 0; i < data.length; i++) results[i] = f(data[i] as number, i);
  return { shape: values.shape, data: results };
}

/** Returns an input that the op must have; throws if it is absent. */
export function need(values: Values | null | undefined): Values {
  if (!values) throw new Error('the reference lacks an input');
  return values;
}

/** Returns element `index` of an array or shape; throws beyond the end, so that a wrong reference is noticed. */
export function at(array: ArrayLike<number>, index: number): number {
  // The same in both, but the compiler of JavaScript makes fast code only for an access that always meets one kind of array.
  const value = array instanceof Float64Array ? array[index] : array[index];
  if (value === undefined) throw new RangeError(`index ${index} of ${array.length} elements`);
  return value;
}

/** Adds `term` to one element. */
export function accumulate(values: Values, index: number, term: number): void {
  values.data[index] = (values.data[index] as number) + term;
}

export type ImageShape = readonly [batch: number, height: number, width: number, channels: number];

export function imageShape(shape: Shape): ImageShape {
  if (shape.length !== 4) throw new RangeError(`[${shape}] is not an image`);
  return shape as ImageShape;
}

/** Returns the index of element (n, y, x, c) of an image. */
export function offset(shape: ImageShape, n: number, y: number, x: number, c: number): number {
  return ((n * shape[1] + y) * shape[2] + x) * shape[3] + c;
}
