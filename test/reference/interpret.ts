/** Runs a Graph, optimised or not, with the float64 references instead of kernels. */
import type { Graph } from '../../lib/compile/graph';
import type { Node, Tensor } from '../../lib/tensor/tensor';
import { referenceOf } from './index';
import type { Memo } from './memo';
import type { Call } from './rounding';
import { Storage } from './storage';
import type { Attributes, Values } from './values';

/** A function that returns the values of a source: an input, a parameter, or a part of a State. */
export type Read = (tensor: Tensor) => ArrayLike<number>;

export interface Interpretation {
  /** The graph's outputs, by name. */
  readonly outputs: Readonly<Record<string, Values>>;
  /** New values of the State tensors that were written. */
  readonly writes: ReadonlyMap<Tensor, Values>;
  /** Distance of each node's inputs from a kink, if asked for: see ReferenceOp.margin. */
  readonly margins: ReadonlyMap<Node, number>;
}

/** A function that is called after each op and returns errors to add to its outputs, or null. */
export type Disturb = (node: Node, call: Call) => readonly Float64Array[] | null;

export interface InterpretOptions {
  readonly disturb?: Disturb;
  /** Whether to compute `margins`. Default false. */
  readonly margins?: boolean;
  /** Results of earlier interpretations with the same inputs. */
  readonly memo?: Memo | null;
}

export function interpret(graph: Graph, read: Read, options: InterpretOptions = {}): Interpretation {
  const { disturb = () => null, margins: asked = false, memo = null } = options;
  const storage = new Storage(graph);
  const writes = new Map<Tensor, Values>();
  const margins = new Map<Node, number>();
  for (const node of graph.nodes) {
    if (isSource(node)) {
      for (const tensor of node.outputs) storage.write(tensor, sourceValues(tensor, read));
      continue;
    }
    const call = execute(node, (tensor) => storage.read(tensor), memo);
    const margin = asked ? referenceOf(node.op.name).margin?.(call) : undefined;
    if (margin !== undefined) margins.set(node, margin);
    const disturbance = disturb(node, call);
    call.outputs.forEach((values, index) => {
      const added = disturbance?.[index];
      if (added) add(values.data, added);
      const tensor = written(node)[index] as Tensor;
      if (node.op.writesState) writes.set(tensor, values);
      // Written at once, because a later update may read what an earlier one has written.
      if (!graph.memory.absent.has(tensor)) storage.write(tensor, values);
    });
  }
  const outputs = Object.fromEntries(Object.entries(graph.outputs).map(([name, t]) => [name, storage.read(t)]));
  return { outputs, writes, margins };
}

function add(data: Float64Array, terms: Float64Array): void {
  for (let i = 0; i < data.length; i++) data[i] = (data[i] as number) + (terms[i] ?? 0);
}

/** Whether a node has no kernel: an input, a constant, a parameter, or a part of a State. */
export const isSource = (node: Node): boolean => node.op.isSource === true;

function sourceValues(tensor: Tensor, read: Read): Values {
  const { source } = tensor.node;
  const values = source?.kind === 'constant' ? source.data : read(tensor);
  if (values.length !== tensor.size) throw new RangeError(`${values.length} values for "${tensor.node.name}"`);
  return { shape: tensor.shape, data: Float64Array.from(values) };
}

/** Returns the outputs of a node or, if it writes state, the tensors that it writes. */
export const written = (node: Node): readonly (Tensor | null)[] =>
  node.op.writesState ? node.op.writesState.map((position) => node.inputs[position] ?? null) : node.outputs;

function execute(node: Node, read: (tensor: Tensor) => Values, memo: Memo | null): Call {
  const inputs = node.inputs.map((tensor) => tensor && read(tensor));
  const attributes = nativeAttributes(node);
  const shapes = written(node).map((tensor) => tensor?.shape ?? []);
  const compute = () => referenceOf(node.op.name).compute(inputs, attributes, shapes);
  return { inputs, attributes, outputs: memo?.outputs(node.op.name, inputs, attributes, shapes, compute) ?? compute() };
}

/** Returns the attributes as kernels get them, in i32 or f32. */
function nativeAttributes(node: Node): Attributes {
  const narrowed = node.op.attributes.map(([name, type]) => {
    const value = node.attributes[name] ?? 0;
    return [name, type === 'f32' ? Math.fround(value) : value];
  });
  return { ...node.attributes, ...Object.fromEntries(narrowed) };
}
