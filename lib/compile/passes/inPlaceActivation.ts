import type { Node } from '../../tensor/tensor';
import type { Graph } from '../graph';

/**
 * Lets kernels that can (Op.inPlace: activation, add, batchNorm, dropout, ...) overwrite their first input if no other node reads
 * it. The derivative of most activations is computed from their output, so the pre-activation need not be kept.
 */
export function inPlaceActivation(graph: Graph): Graph {
  const { placements } = graph.memory;
  const readers = graph.readers();
  const results = graph.results();
  const bases = new Set([...placements.values()].map(({ base }) => base));
  const replacesInput = (node: Node) => {
    const [input] = node.inputs;
    const [output] = node.outputs;
    if (!node.op.inPlace || !input || !output || placements.has(output)) return false;
    const isShared = input.node.source || placements.has(input) || bases.has(input) || results.has(input);
    return !isShared && readers.get(input)?.length === 1;
  };
  return graph.withMemory({ inPlace: new Set(graph.nodes.filter(replacesInput)) });
}
