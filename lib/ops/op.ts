import { checkInteger, invalid, SaturnnError, show } from '../errors';
import { custom, type Field } from '../options/field';
import { type Fields, Options } from '../options/options';
import { isArray } from '../options/values';
import { isTensor, type Tensor, type TensorSpec } from '../tensor/tensor';

/** Returns an ERR_SHAPE error: "[op] Expected ... for ... but received ...". */
export function shapeError(op: string, argument: string, expected: string, received: unknown): SaturnnError {
  return new SaturnnError('ERR_SHAPE', `[${op}] Expected ${expected} for ${argument} but received ${show(received)}`);
}

/** Returns an input after checking that it is present and has this dtype (default f32), rank and kind. @throws ERR_SHAPE */
export function expectTensor(
  op: string,
  argument: string,
  tensor: Tensor | null | undefined,
  { dtype = 'f32', rank, image }: { dtype?: TensorSpec['dtype']; rank?: number; image?: boolean },
): Tensor {
  if (!isTensor(tensor)) throw shapeError(op, argument, 'a tensor', tensor);
  if (tensor.dtype !== dtype) throw shapeError(op, argument, `dtype ${dtype}`, tensor.dtype);
  if (rank !== undefined && tensor.shape.length !== rank) {
    throw shapeError(op, argument, `${rank} dimensions`, [...tensor.shape]);
  }
  if (image !== undefined && tensor.image !== image) {
    // Constants, and inputs with image: false, have four dimensions without being images.
    const made = tensor.shape.length === 4 ? ' (copy(x, { image: true }) makes one)' : '';
    if (image) throw shapeError(op, argument, `an image [batch, height, width, channels]${made}`, [...tensor.shape]);
    const message = `Expected weights for ${argument} but received an image [${tensor.shape.join(', ')}]`;
    const remedy = 'input(name, shape, { image: false }) makes weights of four dimensions';
    throw new SaturnnError('ERR_SHAPE', `[${op}] ${message}: ${remedy}`);
  }
  return tensor;
}

/** Checks a tensor's shape. @throws ERR_SHAPE */
export function expectShape(op: string, argument: string, tensor: Tensor, shape: readonly number[]): void {
  if (tensor.shape.length !== shape.length || tensor.shape.some((d, i) => d !== shape[i])) {
    throw shapeError(op, argument, `shape [${shape.join(', ')}]`, [...tensor.shape]);
  }
}

/** Returns dimension `axis` of a shape whose rank was checked before. @throws RangeError, which would be a bug */
export function dimension(shape: readonly number[], axis: number): number {
  const value = shape[axis];
  if (value === undefined) throw new RangeError(`shape [${shape}] has no dimension ${axis}`);
  return value;
}

/** Returns the first output of a node. @throws RangeError if there is none, which would be a bug */
export function first(outputs: readonly Tensor[]): Tensor {
  const [tensor] = outputs;
  if (!tensor) throw new RangeError('this op has no output');
  return tensor;
}

/** The forms of a Padding, for messages. */
const paddingForms = 'a number, [vertical, horizontal] or [top, bottom, left, right]';

/** A size in two directions; one number means both. */
export type Pair = number | readonly [height: number, width: number];

/** Accepts a Pair, whose numbers pair() checks. */
export const pairField: Field<Pair> = custom(
  'a number or [height, width]',
  (value) => typeof value === 'number' || (isArray(value) && value.length === 2),
);

/** Rows and columns of zeros around an image: a number for all sides, [vertical, horizontal], or [top, bottom, left, right]. */
export type Padding = Pair | readonly [top: number, bottom: number, left: number, right: number];

/** Accepts a Padding, whose numbers sides() checks. */
export const paddingField: Field<Padding> = custom(
  paddingForms,
  (value) => typeof value === 'number' || (isArray(value) && (value.length === 2 || value.length === 4)),
);

/** Declares the options of an op. A Tensor in their place is most likely a bias, in the order of PyTorch's arguments. */
export function opOptions<T extends object>(op: string, fields: Fields<T>, argument?: string): Options<T> {
  const takesBias = 'bias' in fields;
  const hint = (value: unknown) => (takesBias && isTensor(value) ? 'a bias is given by name, as { bias }' : undefined);
  return new Options(`${op}()`, fields, { argument, hint });
}

/** Largest stride, padding, dilation or kernel size: kernels add and multiply them in 32 bits. */
const mostPixels = 65535;

/**
 * Returns both parts of a stride, padding or kernel size.
 * @throws ERR_INVALID_ARGUMENT unless they are integers from `minimum` to 65535
 */
export function pair(argument: string, value: Pair, minimum: number): readonly [number, number] {
  const both = typeof value === 'number' ? [value, value] : value;
  if (!isArray(both) || both.length !== 2) throw invalid(argument, 'a number or [height, width]', value);
  return [
    checkInteger(`${argument}[0]`, both[0], minimum, mostPixels),
    checkInteger(`${argument}[1]`, both[1], minimum, mostPixels),
  ];
}

/** Returns both parts of a stride, padding or kernel size from a node's attributes: strideH and strideW for "stride". */
export const pairOf = (attributes: Readonly<Record<string, number>>, name: string): [height: number, width: number] => [
  attributes[`${name}H`] ?? 0,
  attributes[`${name}W`] ?? 0,
];

/** Names of the four sides, in the order of a Padding. */
const sideNames = ['top', 'bottom', 'left', 'right'] as const;

/** Rows and columns of zeros on each side of an image. */
export type Sides = Readonly<Record<(typeof sideNames)[number], number>>;

/** Returns the shortest form of a padding from a node's attributes: [vertical, horizontal] or [top, bottom, left, right]. */
export function paddingOf(attributes: Readonly<Record<string, number>>): number[] {
  const { padTop = 0, padBottom = 0, padLeft = 0, padRight = 0 } = attributes;
  const isEven = padTop === padBottom && padLeft === padRight;
  return isEven ? [padTop, padLeft] : [padTop, padBottom, padLeft, padRight];
}

/**
 * Returns a padding's rows and columns on each side.
 * @throws ERR_INVALID_ARGUMENT unless they are integers from 0 to 65535
 */
export function sides(argument: string, value: Padding): Sides {
  if (!isArray(value) || value.length !== 4) {
    if (isArray(value) && value.length !== 2) throw invalid(argument, paddingForms, value);
    const [vertical, horizontal] = pair(argument, value as Pair, 0);
    return { top: vertical, bottom: vertical, left: horizontal, right: horizontal };
  }
  const [top, bottom, left, right] = value.map((size, index) =>
    checkInteger(`${argument}[${index}]`, size, 0, mostPixels),
  ) as [number, number, number, number];
  return { top, bottom, left, right };
}
