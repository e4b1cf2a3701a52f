import { checkNumber, invalid, SaturnnError } from '../errors';
import type { Op } from '../ops/op';
import type { Philox } from '../random';
import type { ArrayDType, DType, TypedArray } from '../runtime/native';
import type { State } from './state';

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

export type Source =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'constant'; readonly data: TypedArray }
  | { readonly kind: 'parameter' }
  | { readonly kind: 'buffer' }
  | { readonly kind: 'state'; readonly state: State; readonly arena: StateArena; readonly byteOffset: number };

export type StateArena = 'parameters' | 'optimizer' | 'gradients' | 'buffers';

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

  /** Computes this tensor now, on the default device, as evaluate() does: for tests, notebooks and small scripts. */
  async data(): Promise<TypedArray> {
    // Required late: evaluate stands on the whole compiler, which stands on this file.
    const { evaluate } = require('../compile/evaluate') as typeof import('../compile/evaluate');
    return evaluate(this);
  }
}

/** A named tensor whose values live in a State. It has one owner. */
abstract class Owned extends Tensor {
  readonly name: string;
  #state: State | null = null;

  constructor(source: Source, name: string, spec: Omit<TensorSpec, 'image'>) {
    super(sourceNode(source, name), 0, { ...spec, image: false });
    (this.node.outputs as Tensor[]).push(this);
    this.name = name;
  }

  /** The State that holds the values, or null before one was made. */
  get state(): State | null {
    return this.#state;
  }

  /** @throws ERR_INVALID_ARGUMENT */
  checkFree(): void {
    if (this.#state) {
      const kind = this instanceof Parameter ? 'Parameter' : 'StateBuffer';
      throw new SaturnnError('ERR_INVALID_ARGUMENT', `${kind} "${this.name}" already belongs to a State`);
    }
  }

  /** Called by State's constructor. */
  bind(state: State): void {
    this.checkFree();
    this.#state = state;
  }
}

export interface ParameterOptions {
  /** Unique within a State, e.g. "3a/1x1/weight". */
  name: string;
  shape: readonly number[];
  /** True: weight decay applies (weights, not biases). */
  decay: boolean;
  /** Initial values, row-major, drawn from `random`. */
  /** Its first values, drawn from `random`: as many as the shape has. */
  initialize: (random: Philox) => Float32Array;
}

/** A trainable tensor. Its values live in a State; here are only its name, shape and initial distribution. */
export class Parameter extends Owned {
  readonly decay: boolean;
  /** Its first values. */
  readonly initialize: (random: Philox) => Float32Array;

  constructor({ name, shape, decay, initialize }: ParameterOptions) {
    super({ kind: 'parameter' }, name, { dtype: 'f32', shape: checkShape(`${name}.shape`, shape) });
    this.decay = decay;
    this.initialize = initialize;
  }
}

export interface StateBufferOptions {
  /** Unique within a State, e.g. "3a/1x1/runningMean". */
  name: string;
  shape: readonly number[];
  /** Every element's first value; default 0. */
  initial?: number;
}

/** What a model remembers from step to step without following a gradient: running statistics. f32; its values live in a State. */
export class StateBuffer extends Owned {
  readonly initial: number;

  /** @throws ERR_INVALID_ARGUMENT */
  constructor({ name, shape, initial = 0 }: StateBufferOptions) {
    super({ kind: 'buffer' }, name, { dtype: 'f32', shape: checkShape(`${name}.shape`, shape) });
    this.initial = checkNumber(`initial of ${name}`, initial, -3.4e38, 3.4e38);
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
  state: State,
  arena: StateArena,
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

function sourceNode(source: Source, name: string): Node {
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

const arrayDTypes: readonly ArrayDType[] = ['f32', 'i32', 'u8'];

export function dtypeOf(array: TypedArray, argument = 'data'): ArrayDType {
  if (array instanceof Float32Array) return 'f32';
  if (array instanceof Int32Array) return 'i32';
  if (array instanceof Uint8Array) return 'u8';
  throw invalid(argument, 'a Float32Array, Int32Array or Uint8Array', array);
}

export const bytesPerElement: Readonly<Record<DType, number>> = { f32: 4, i32: 4, u8: 1, bf16: 2, f16: 2 };

export function checkShape(argument: string, shape: readonly number[]): readonly number[] {
  const ok =
    Array.isArray(shape) && shape.length >= 1 && shape.length <= 4 && shape.every((d) => Number.isInteger(d) && d > 0);
  if (!ok) throw invalid(argument, '1 to 4 positive integers', shape);
  if (sizeOf(shape) > 2 ** 31 - 1) throw invalid(argument, 'fewer than 2^31 elements', shape);
  return Object.freeze([...shape]);
}
