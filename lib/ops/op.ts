import { checkInteger, invalid, SaturnnError, show } from '../errors';
import type { Node, Tensor, TensorSpec } from '../tensor/tensor';

/** A field of the op's attribute struct in native/shared/backend.h; every field is four bytes. */
export type AttributeField = readonly [name: string, type: 'i32' | 'f32'];

/**
 * One operation: its shape rule, its gradient, and what passes and backends may do with it. Shared code never asks for an
 * op's name; it asks for these properties.
 */
export interface Op {
  readonly name: string;
  /** The native attribute struct, in its order. Attributes not listed here are for TypeScript alone. */
  readonly attributes: readonly AttributeField[];
  /** All of the node's bytes, for an op whose attributes are not a fixed struct. */
  readonly encode?: (node: Node) => Uint8Array;
  /** Checks the inputs and gives the outputs. @throws ERR_SHAPE that begins with `[name]`. */
  readonly inferShape: (
    inputs: readonly (Tensor | null)[],
    attributes: Readonly<Record<string, number>>,
  ) => TensorSpec[];
  /**
   * Gradients with respect to the inputs, as more nodes. `outputGradients[i]` is null where nothing flows back;
   * `needed[i]` says whether input i's gradient is asked for. Absent: not differentiable.
   */
  readonly gradient?: (
    node: Node,
    outputGradients: readonly (Tensor | null)[],
    needed: readonly boolean[],
  ) => readonly (Tensor | null)[];
  /** Floating-point operations of one execution (a multiply-add is two); absent: bound by memory. */
  readonly flops?: (node: Node) => number;
  /** Position of an input of which no more elements are read than output 0 has: a data set. */
  readonly samples?: number;
  /** Inputs and outputs may be channel slices of a wider image; for `writesSlices` also elements of a flat buffer. */
  readonly readsSlices: boolean;
  readonly writesSlices: boolean;
  /** Its kernels also work on bf16 images; otherwise images are f32 around it, whatever the precision. */
  readonly halfImages?: boolean;
  /** Outputs that a kernel leaves out when nobody reads them. */
  readonly optionalOutputs?: readonly number[];
  /** Output 0 may share the buffer of input 0. */
  readonly inPlace?: boolean;
  /** Positions of the State tensors among the inputs that this op writes. Such a node is run last, and only if the gate is open. */
  readonly writesState?: readonly number[];
  /** Its output is the sum of its inputs. */
  readonly sums?: boolean;
  /** How its inputs may be placed inside its output, so that nothing is copied: channels of an image, elements of a flat buffer. */
  readonly gathers?: 'channels' | 'elements';
  /** Its output is a part of its input: channels from attribute `channelOffset`, or elements from row `firstRow`. */
  readonly isView?: 'channels' | 'elements';
  /** No kernel: a plan binds its nodes to memory (inputs, constants, parameters, parts of a State). */
  readonly isSource?: boolean;
}

/** A shape mismatch, in the words of the op that found it. */
export function shapeError(op: string, argument: string, expected: string, received: unknown): SaturnnError {
  return new SaturnnError('ERR_SHAPE', `[${op}] Expected ${expected} for ${argument} but received ${show(received)}`);
}

/** The input at `index`, which must be there, with this dtype and rank. */
export function expectTensor(
  op: string,
  argument: string,
  tensor: Tensor | null | undefined,
  { dtype = 'f32', rank, image }: { dtype?: TensorSpec['dtype']; rank?: number; image?: boolean },
): Tensor {
  if (!tensor) throw shapeError(op, argument, 'a tensor', tensor);
  if (tensor.dtype !== dtype) throw shapeError(op, argument, `dtype ${dtype}`, tensor.dtype);
  if (rank !== undefined && tensor.shape.length !== rank) {
    throw shapeError(op, argument, `${rank} dimensions`, [...tensor.shape]);
  }
  if (image !== undefined && tensor.image !== image) {
    // Only constants and inputs that say so are of four dimensions and no image.
    const remedy = tensor.shape.length === 4 ? ' (copy(x, { image: true }) makes one)' : '';
    const expected = image ? `an image [batch, height, width, channels]${remedy}` : 'weights, not an image';
    throw shapeError(op, argument, expected, [...tensor.shape]);
  }
  return tensor;
}

export function expectShape(op: string, argument: string, tensor: Tensor, shape: readonly number[]): void {
  if (tensor.shape.length !== shape.length || tensor.shape.some((d, i) => d !== shape[i])) {
    throw shapeError(op, argument, `shape [${shape.join(', ')}]`, [...tensor.shape]);
  }
}

/** Dimension `axis` of a shape whose rank was checked. */
export function dimension(shape: readonly number[], axis: number): number {
  const value = shape[axis];
  if (value === undefined) throw new RangeError(`shape [${shape}] has no dimension ${axis}`);
  return value;
}

/** The first output of a node that was just made. */
export function first(outputs: readonly Tensor[]): Tensor {
  const [tensor] = outputs;
  if (!tensor) throw new RangeError('this op has no output');
  return tensor;
}

export type Pair = number | readonly [height: number, width: number];

/** Of a stride, padding or kernel size: the kernels add and multiply them in 32 bits. */
const mostPixels = 65535;

/** Both parts of a stride, padding or kernel size, checked. */
export function pair(argument: string, value: Pair, minimum: number): readonly [number, number] {
  const both = typeof value === 'number' ? [value, value] : value;
  if (!Array.isArray(both) || both.length !== 2) throw invalid(argument, 'a number or [height, width]', value);
  return [
    checkInteger(`${argument}[0]`, both[0], minimum, mostPixels),
    checkInteger(`${argument}[1]`, both[1], minimum, mostPixels),
  ];
}
