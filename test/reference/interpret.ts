/** Runs a Graph, optimised or not, with the float64 references instead of kernels. */
import type { Graph } from '../../lib/compile/graph';
import type { Node, Tensor } from '../../lib/tensor/tensor';
import { referenceOf } from './index';
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
  /** Distance of each node's inputs from a kink: see ReferenceOp.margin. */
  readonly margins: ReadonlyMap<Node, number>;
}

/** A function that is called after each op and returns errors to add to its outputs, or null. */
export type Disturb = (node: Node, call: Call) => readonly Float64Array[] | null;

export function interpret(graph: Graph, read: Read, disturb: Disturb = () => null): Interpretation {
  const storage = new Storage(graph);
  const writes = new Map<Tensor, Values>();
  const margins = new Map<Node, number>();
  for (const node of graph.nodes) {
    if (isSource(node)) {
      for (const tensor of node.outputs) storage.write(tensor, sourceValues(tensor, read));
      continue;
    }
    const call = execute(node, (tensor) => storage.read(tensor));
    const margin = referenceOf(node.op.name).margin?.(call);
    if (margin !== undefined) margins.set(node, margin);
    const disturbance = disturb(node, call);
    call.outputs.forEach((values, index) => {
      const added = disturbance?.[index];
      if (added)
        values.data.forEach((value, i) => {
          values.data[i] = value + (added[i] ?? 0);
        });
      const tensor = written(node)[index] as Tensor;
      if (node.op.writesState) writes.set(tensor, values);
      // Written at once, because a later update may read what an earlier one has written.
      if (!graph.memory.absent.has(tensor)) storage.write(tensor, values);
    });
  }
  const outputs = Object.fromEntries(Object.entries(graph.outputs).map(([name, t]) => [name, storage.read(t)]));
  return { outputs, writes, margins };
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

function execute(node: Node, read: (tensor: Tensor) => Values): Call {
  const inputs = node.inputs.map((tensor) => tensor && read(tensor));
  const attributes = nativeAttributes(node);
  const shapes = written(node).map((tensor) => tensor?.shape ?? []);
  return { inputs, attributes, outputs: referenceOf(node.op.name).compute(inputs, attributes, shapes) };
}

/** Returns the attributes as kernels get them, in i32 or f32. */
function nativeAttributes(node: Node): Attributes {
  const narrowed = node.op.attributes.map(([name, type]) => {
    const value = node.attributes[name] ?? 0;
    return [name, type === 'f32' ? Math.fround(value) : value];
  });
  return { ...node.attributes, ...Object.fromEntries(narrowed) };
}
