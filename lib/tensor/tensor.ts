import { invalid } from '../errors';
import type { Device } from '../runtime/device';
import { arrayDTypes, dtypeOf } from '../runtime/dtypes';
import type { Arena, ArrayDType, DType, NativeState, TypedArray } from '../runtime/native';

/** What a tensor is, without how it came to be. */
export interface TensorSpec {
  readonly dtype: DType;
  /** At most four dimensions. An image is [batch, height, width, channels]. */
  readonly shape: readonly number[];
  /** A backend may keep images in a blocked layout; everything else (weights, vectors) is row-major. */
  readonly image: boolean;
}

/** One operation of a graph. Immutable: passes make new nodes. */
export interface Node {
  /** Execution follows this number wherever data does not decide; a rewritten node keeps its predecessor's. */
  readonly order: number;
  readonly op: Op;
  readonly attributes: Readonly<Record<string, number>>;
  readonly inputs: readonly (Tensor | null)[];
  readonly outputs: readonly Tensor[];
  /** The layer it belongs to, for messages and traces. */
  readonly name: string;
  /** Where output 0 lives, if that is decided already: a source node's input, constant or part of a State. */
  readonly source: Source | null;
}

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

export type Source =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'constant'; readonly data: TypedArray }
  | { readonly kind: 'parameter' }
  | { readonly kind: 'buffer' }
  | { readonly kind: 'state'; readonly state: ArenaOwner; readonly arena: Arena; readonly byteOffset: number };

/** Owner of arenas that a plan binds to on a device: a State. */
export interface ArenaOwner {
  on(device: Device): Promise<NativeState>;
}

/** A symbolic value: dtype, shape, and the node that makes it. Nothing is computed until a graph is compiled and run. */
export class Tensor implements TensorSpec {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly image: boolean;

  constructor(
    readonly node: Node,
    readonly output: number,
    spec: TensorSpec,
  ) {
    this.dtype = spec.dtype;
    this.shape = spec.shape;
    this.image = spec.image;
  }

  get size(): number {
    return sizeOf(this.shape);
  }
}

export interface InputOptions {
  dtype?: ArrayDType;
  /** Default: true for four dimensions. Say false for weights that are given as an input. */
  image?: boolean;
}

/**
 * A value given anew at every run, by name.
 * @throws ERR_INVALID_ARGUMENT for a shape that is not 1 to 4 positive integers, an unknown dtype, an image without four dimensions
 */
export function input(name: string, shape: readonly number[], options: InputOptions = {}): Tensor {
  if (typeof name !== 'string') throw invalid('name of an input', 'a string', name);
  const { dtype = 'f32' } = options;
  if (!arrayDTypes.includes(dtype)) throw invalid(`dtype of input "${name}"`, 'f32, i32 or u8', dtype);
  const checked = checkShape(`shape of input "${name}"`, shape);
  const { image = checked.length === 4 && dtype === 'f32' } = options;
  if (image && checked.length !== 4)
    throw invalid(`shape of input "${name}"`, '4 dimensions, as it is an image', [...checked]);
  return sourceTensor({ kind: 'input', name }, name, { dtype, shape: checked, image });
}

/** A value fixed at compile time. `data` has as many elements as `shape`; its kind of array is the dtype. */
export function constant(data: TypedArray | readonly number[], shape?: readonly number[]): Tensor {
  const array = Array.isArray(data) ? Float32Array.from(data) : (data as TypedArray);
  const checked = checkShape('shape of constant', shape ?? [array.length]);
  if (sizeOf(checked) !== array.length)
    throw invalid('data', `${sizeOf(checked)} elements for shape [${checked}]`, array.length);
  return sourceTensor({ kind: 'constant', data: array }, 'constant', {
    dtype: dtypeOf(array),
    shape: checked,
    image: false,
  });
}

/** A part of a State as a tensor: for optimizers and counters. */
export function stateTensor(
  state: ArenaOwner,
  arena: Arena,
  byteOffset: number,
  spec: TensorSpec,
  name: string,
): Tensor {
  return sourceTensor({ kind: 'state', state, arena, byteOffset }, name, spec);
}

let nextOrder = 0;

/** Makes a node from checked inputs. Op files wrap this, or `apply`, in a typed function. */
export function applyNode(
  op: Op,
  inputs: readonly (Tensor | null)[],
  attributes: Readonly<Record<string, number>> = {},
  name: string = op.name,
  source: Source | null = null,
): Node {
  return makeNode({ order: nextOrder++, op, attributes, inputs, name, source }, op.inferShape(inputs, attributes));
}

/** The outputs of a new node. */
export function apply(...node: Parameters<typeof applyNode>): readonly Tensor[] {
  return applyNode(...node).outputs;
}

export function makeNode(node: Omit<Node, 'outputs'>, specs: readonly TensorSpec[]): Node {
  const outputs: Tensor[] = [];
  const made: Node = { ...node, outputs };
  specs.forEach((spec, index) => {
    outputs.push(new Tensor(made, index, spec));
  });
  return made;
}

/** Source nodes have no kernel: a plan binds them to memory. */
const sourceOp: Op = {
  name: 'source',
  isSource: true,
  attributes: [],
  readsSlices: true,
  writesSlices: false,
  inferShape: () => [],
};

/** The node of a tensor that no kernel makes; its outputs are for the caller to add. */
export function sourceNode(source: Source, name: string): Node {
  return { order: nextOrder++, op: sourceOp, attributes: {}, inputs: [], outputs: [], name, source };
}

function sourceTensor(source: Source, name: string, spec: TensorSpec): Tensor {
  const node = sourceNode(source, name);
  const tensor = new Tensor(node, 0, spec);
  (node.outputs as Tensor[]).push(tensor);
  return tensor;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

export function checkShape(argument: string, shape: readonly number[]): readonly number[] {
  const ok =
    Array.isArray(shape) && shape.length >= 1 && shape.length <= 4 && shape.every((d) => Number.isInteger(d) && d > 0);
  if (!ok) throw invalid(argument, '1 to 4 positive integers', shape);
  if (sizeOf(shape) > 2 ** 31 - 1) throw invalid(argument, 'fewer than 2^31 elements', shape);
  return Object.freeze([...shape]);
}
