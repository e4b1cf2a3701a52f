import { makeNode, type Node, type Tensor } from '../tensor/tensor';
import { Graph, type Memory } from './graph';

/**
 * The rule of a rewrite, called for each node in execution order. `inputs` are the node's inputs as rewritten so far. It returns
 * null to keep the node; or a list of tensors that replace its outputs, in order; or a map from outputs of this or earlier nodes
 * to the tensors that replace them. No node before this one may read a tensor that the map replaces.
 */
export type Rewrite = (
  node: Node,
  inputs: readonly (Tensor | null)[],
) => readonly Tensor[] | ReadonlyMap<Tensor, Tensor> | null;

/**
 * Returns a graph in which `rewrite` has replaced nodes. Nodes that are no longer needed are dropped. Decisions about memory are
 * kept for the tensors and nodes that stand in place of the old ones.
 */
export function rewriteGraph(graph: Graph, rewrite: Rewrite): Graph {
  const tensors = new Map<Tensor, Tensor>();
  const nodes = new Map<Node, Node>();
  const replaced = (tensor: Tensor): Tensor => tensors.get(tensor) ?? tensor;
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((tensor) => tensor && replaced(tensor));
    const outputs = rewrite(node, inputs);
    if (outputs) {
      const replacements = isList(outputs) ? zip(node.outputs, outputs) : outputs;
      for (const [tensor, replacement] of replacements) tensors.set(tensor, replacement);
    } else if (inputs.some((tensor, index) => tensor !== node.inputs[index])) {
      const made = makeNode({ ...node, inputs }, node.outputs);
      nodes.set(node, made);
      node.outputs.forEach((tensor, index) => {
        tensors.set(tensor, made.outputs[index] as Tensor);
      });
    }
  }
  const { placements, inPlace, absent } = graph.memory;
  const memory: Memory = {
    placements: new Map(
      [...placements].map(([t, { base, offset }]) => [replaced(t), { base: replaced(base), offset }]),
    ),
    inPlace: new Set([...inPlace].map((node) => nodes.get(node) ?? node)),
    absent: new Set([...absent].map(replaced)),
  };
  return Graph.from(
    {
      outputs: Object.fromEntries(Object.entries(graph.outputs).map(([name, tensor]) => [name, replaced(tensor)])),
      updates: graph.updates.map((node) => nodes.get(node) ?? node),
      gate: graph.gate && replaced(graph.gate),
      skip: graph.skip && replaced(graph.skip),
    },
    memory,
  );
}

// TypeScript does not narrow a readonly array by Array.isArray().
const isList = (outputs: readonly Tensor[] | ReadonlyMap<Tensor, Tensor>): outputs is readonly Tensor[] =>
  Array.isArray(outputs);

const zip = (before: readonly Tensor[], after: readonly Tensor[]): (readonly [Tensor, Tensor])[] =>
  before.flatMap((tensor, index) => (after[index] ? [[tensor, after[index]] as const] : []));
