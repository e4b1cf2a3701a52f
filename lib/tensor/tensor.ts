import { markCopy } from '../copies';
import { invalid } from '../errors';
import { type Field, flag, instance, oneOf, optional } from '../options/field';
import { Options } from '../options/options';
import { isArray } from '../options/values';
import type { Device } from '../runtime/device';
import { arrayDTypes, copyOf, dtypeOf, type GivenArray } from '../runtime/dtypes';
import type { Arena, ArrayDType, DType, NativeState, TypedArray } from '../runtime/native';

/** Type, shape and kind of a tensor, without the node that makes it. */
export interface TensorSpec {
  /** Type of the elements. */
  readonly dtype: DType;
  /** 1 to 4 dimensions. An image is [batch, height, width, channels]. */
  readonly shape: readonly number[];
  /** True: an image, which a backend may keep in a blocked layout. False: row-major data (weights, vectors). */
  readonly image: boolean;
}

/** One operation in a graph, with its inputs and outputs. Immutable. Operations make nodes; so do assign() and optimizers. */
export interface Node {
  /**
   * Time of execution: of the nodes whose inputs are computed, the one with the smallest order runs first. New nodes count up;
   * passes give a rewritten node the order of a node that it replaces, or a fraction to run it in between.
   * @internal
   */
  readonly order: number;
  /** The operation. @internal */
  readonly op: Op;
  /** The operation's numbers by name: strides, slopes, offsets. */
  readonly attributes: Readonly<Record<string, number>>;
  /** The tensors that the node reads. null: an optional input that is absent. */
  readonly inputs: readonly (Tensor | null)[];
  /** The tensors that the node makes; none for a node that writes state. */
  readonly outputs: readonly Tensor[];
  /** Name of the layer that the node belongs to, for messages and traces. */
  readonly name: string;
  /** The memory of output 0 where it is fixed: an input, a constant or a part of a State. null: the plan's own. @internal */
  readonly source: Source | null;
}

/** A field of the op's attribute struct in native/shared/backend.h; every field is four bytes. */
export type AttributeField = readonly [name: string, type: 'i32' | 'f32'];

/**
 * The definition of an operation: its shape rule, its gradient, and what passes and backends may do with its nodes. Code that
 * is not about a particular op (gradients, memory, lowering) reads these properties and does not compare ops or their names.
 */
export interface Op {
  /** Name in the backends' op tables, and in messages about shapes. */
  readonly name: string;
  /** Fields of the op's native attribute struct, in its order. Attributes of a node that are not listed stay in TypeScript. */
  readonly attributes: readonly AttributeField[];
  /** Returns all attribute bytes of a node, for an op whose attributes are not a fixed struct. */
  readonly encode?: (node: Node) => Uint8Array;
  /** Checks the inputs and returns the specs of the outputs. @throws ERR_SHAPE with a message that begins with `[name]` */
  readonly inferShape: (
    inputs: readonly (Tensor | null)[],
    attributes: Readonly<Record<string, number>>,
  ) => TensorSpec[];
  /**
   * Makes the nodes that compute the loss's gradient with respect to each input, and returns their tensors; null, or a shorter
   * list, where there is none. `outputGradients[i]` is the gradient with respect to output i, null if the loss does not depend
   * on it; `needed[i]` says whether the gradient of input i is used. Absent: the op is not differentiable.
   */
  readonly gradient?: (
    node: Node,
    outputGradients: readonly (Tensor | null)[],
    needed: readonly boolean[],
  ) => readonly (Tensor | null)[];
  /** Returns the floating-point operations of one execution (a multiply-add is two). Absent: memory bounds the op's speed. */
  readonly flops?: (node: Node) => number;
  /** Index of an input that is sampled (a data set): at most size(output 0) of its elements are read. */
  readonly samples?: number;
  /** Whether its kernels can read images that are channel slices of a wider image. */
  readonly readsSlices: boolean;
  /** Whether its kernels can write images that are channel slices of a wider image. */
  readonly writesSlices: boolean;
  /** Whether its kernels also take bf16 and f16 images. If not, its images are f32 in every precision (pass halveImages). */
  readonly halfImages?: boolean;
  /** Indices of the outputs that kernels do not compute if nothing reads them (pass eliminateDead). */
  readonly optionalOutputs?: readonly number[];
  /** Whether output 0 may share the buffer of input 0. */
  readonly inPlace?: boolean;
  /** Indices of the inputs, tensors of a State, that the op overwrites. Its nodes run last, and only if the gate is open. */
  readonly writesState?: readonly number[];
  /** Whether its output is the sum of its inputs. */
  readonly sums?: boolean;
  /** Present if the output consists of the inputs, as channels of an image or elements of a buffer: they may lie inside of it. */
  readonly gathers?: 'channels' | 'elements';
  /** Present if the output is a part of input 0: channels from attribute `channelOffset`, or elements from row `firstRow`. */
  readonly isView?: 'channels' | 'elements';
  /** Present if a forward pass may hold the op: how a model file describes its nodes. Absent: no model file may hold the op. */
  readonly saved?: SavedOp;
  /** Whether its nodes have no kernel: a plan binds them to memory (inputs, constants, parameters, parts of a State). */
  readonly isSource?: boolean;
}

/** The settings of a node in a model file, as JSON values: options of its op's function. */
export type SavedOptions = Readonly<Record<string, string | number | boolean | readonly number[]>>;

/** The inputs of a node that a model file describes. Those that it lacks are null or undefined, which the op's function refuses. */
export type SavedInputs = readonly [Tensor, Tensor, Tensor, Tensor, Tensor];

/**
 * The description of an op's nodes in a model file. It says nothing of the batch, and is the same in every version that knows the
 * op: a change of its names or their meaning needs a new version of the form (lib/models/saved).
 */
export interface SavedOp {
  /** Returns the options with which `make` makes the node again. */
  readonly options: (node: Node) => SavedOptions;
  /** Makes a node with the op's function, which checks inputs and options, and returns its output 0. @throws what that throws */
  readonly make: (inputs: SavedInputs, options: object, name: string) => Tensor;
}

/** The description of ops without options. */
export const noSavedOptions = (): SavedOptions => ({});

/**
 * Memory that a plan is given instead of planning it: an input of the run, a constant, a Parameter, a StateBuffer, or a part of
 * one of a State's arenas.
 */
export type Source =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'constant'; readonly data: TypedArray }
  | { readonly kind: 'parameter' }
  | { readonly kind: 'buffer' }
  | { readonly kind: 'state'; readonly state: ArenaOwner; readonly arena: Arena; readonly byteOffset: number };

/** The owner of the arenas that a plan binds to: a State. An interface, because this file does not import state.ts. */
export interface ArenaOwner {
  /** Returns the values on `device`, which the first call makes. */
  on(device: Device): Promise<NativeState>;
}

/**
 * A symbolic tensor: dtype, shape, and the node that makes it. It has no values until a graph that contains it is compiled and
 * run, by compile() or evaluate().
 */
export class Tensor implements TensorSpec {
  /** Type of the elements. */
  readonly dtype: DType;
  /** 1 to 4 dimensions. An image is [batch, height, width, channels]. */
  readonly shape: readonly number[];
  /** Whether this is an image. Ops on images refuse other tensors of four dimensions; copy(x, { image: true }) makes one. */
  readonly image: boolean;

  /** Called by the functions that make nodes; use input(), constant() and the operations instead. @internal */
  constructor(
    /** The node that makes it. */
    readonly node: Node,
    /** Index among the node's outputs. */
    readonly output: number,
    spec: TensorSpec,
  ) {
    this.dtype = spec.dtype;
    this.shape = spec.shape;
    this.image = spec.image;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }
}

markCopy(Tensor);

/** Whether a value has the members of a Tensor. It may be of another realm, or of another copy of saturnn. */
export function isTensor(value: unknown): value is Tensor {
  if (typeof value !== 'object' || value === null) return false;
  const { node, shape, dtype } = value as Tensor;
  return typeof node === 'object' && node !== null && isArray(shape) && typeof dtype === 'string';
}

/** Accepts a Tensor as an option. */
export const tensorField: Field<Tensor> = instance<Tensor>('a Tensor', isTensor);

/** Options of input(). */
export interface InputOptions {
  /** Type of the elements; default f32. */
  dtype?: ArrayDType;
  /** Whether it is an image. Default: true for f32 of four dimensions. Say false for weights that are given as an input. */
  image?: boolean;
}

const inputOptions = new Options<InputOptions>('input()', {
  dtype: optional(oneOf(arrayDTypes)),
  image: optional(flag),
});

/**
 * Returns a tensor whose values every run is given anew, under this name (RunInputs).
 * @throws ERR_INVALID_ARGUMENT for a name that is not a string, a shape that is not 1 to 4 positive integers or has 2^31 elements
 * or more, an unknown dtype, or an image without four dimensions
 */
export function input(name: string, shape: readonly number[], options: InputOptions = {}): Tensor {
  if (typeof name !== 'string') throw invalid('name of an input', 'a string', name);
  const { dtype = 'f32', image: asked } = inputOptions.check(options, `input "${name}"`);
  const checked = checkShape(`shape of input "${name}"`, shape);
  const image = asked ?? (checked.length === 4 && dtype === 'f32');
  if (image && checked.length !== 4)
    throw invalid(`shape of input "${name}"`, '4 dimensions, as it is an image', [...checked]);
  return sourceTensor({ kind: 'input', name }, name, { dtype, shape: checked, image });
}

/**
 * Returns a tensor whose values are fixed when its graph is compiled. The kind of array gives the dtype (Float32Array and plain
 * numbers: f32, Int32Array: i32, Uint8Array: u8). `shape` is [data.length] by default. The result is no image, even with four
 * dimensions. The array is copied.
 * @throws ERR_INVALID_ARGUMENT if `data` has another number of elements than `shape`, is another kind of array, or holds anything
 * but numbers
 */
export function constant(data: GivenArray | readonly number[], shape?: readonly number[]): Tensor {
  // A copy, because plans are compiled from it later, after the caller may have changed the array.
  const array = isArray(data) ? numbersOf(data) : copyOf(data as GivenArray, 'data');
  const dtype = dtypeOf(array);
  const checked = checkShape('shape of constant', shape ?? [array.length]);
  if (sizeOf(checked) !== array.length)
    throw invalid('data', `${sizeOf(checked)} elements for shape [${checked}]`, array.length);
  return sourceTensor({ kind: 'constant', data: array }, 'constant', {
    dtype,
    shape: checked,
    image: false,
  });
}

/** Copies an array of numbers. Anything else, and a hole, would silently become NaN. @throws ERR_INVALID_ARGUMENT */
function numbersOf(data: readonly unknown[]): Float32Array {
  for (let index = 0; index < data.length; index++) {
    const value = data[index];
    if (typeof value === 'number') continue;
    const remedy = Array.isArray(value) ? ' (a flat array; the second argument is the shape)' : '';
    throw invalid(`data[${index}] of constant`, `a number${remedy}`, value);
  }
  return Float32Array.from(data as readonly number[]);
}

/** Returns the part of a State that begins at byte `byteOffset` of an arena as a tensor, for optimizers and counters. */
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

/**
 * Makes a node that runs after those made before, as far as data allows. The files in lib/ops wrap this, or `apply`, in a typed
 * function.
 * @throws what op.inferShape throws
 */
export function applyNode(
  op: Op,
  inputs: readonly (Tensor | null)[],
  attributes: Readonly<Record<string, number>> = {},
  name: string = op.name,
  source: Source | null = null,
): Node {
  return makeNode({ order: nextOrder++, op, attributes, inputs, name, source }, op.inferShape(inputs, attributes));
}

/** Makes a node, as applyNode() does, and returns its outputs. @throws what op.inferShape throws */
export function apply(...node: Parameters<typeof applyNode>): readonly Tensor[] {
  return applyNode(...node).outputs;
}

/** Makes a node whose outputs have the given specs, without checking them: for passes. */
export function makeNode(node: Omit<Node, 'outputs'>, specs: readonly TensorSpec[]): Node {
  const outputs: Tensor[] = [];
  const made: Node = { ...node, outputs };
  specs.forEach((spec, index) => {
    outputs.push(new Tensor(made, index, spec));
  });
  return made;
}

/** The op of all source nodes, whatever their source. */
const sourceOp: Op = {
  name: 'source',
  isSource: true,
  attributes: [],
  readsSlices: true,
  writesSlices: false,
  inferShape: () => [],
};

/** Makes the node of a tensor that no kernel makes. The caller must add the tensor to its outputs. */
export function sourceNode(source: Source, name: string): Node {
  return { order: nextOrder++, op: sourceOp, attributes: {}, inputs: [], outputs: [], name, source };
}

function sourceTensor(source: Source, name: string, spec: TensorSpec): Tensor {
  const node = sourceNode(source, name);
  const tensor = new Tensor(node, 0, spec);
  (node.outputs as Tensor[]).push(tensor);
  return tensor;
}

/** Returns the number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Returns a frozen copy of `shape`. @throws ERR_INVALID_ARGUMENT unless it is 1 to 4 positive integers, below 2^31 elements */
export function checkShape(argument: string, shape: readonly number[]): readonly number[] {
  const fits = isArray(shape) && shape.length >= 1 && shape.length <= 4;
  // A copy with Array's own methods, whatever the array's prototype is.
  const ok = fits && Array.from(shape).every((d) => Number.isInteger(d) && d > 0);
  if (!ok) throw invalid(argument, '1 to 4 positive integers', shape);
  if (sizeOf(shape) > 2 ** 31 - 1) throw invalid(argument, 'fewer than 2^31 elements', shape);
  return Object.freeze([...shape]);
}
